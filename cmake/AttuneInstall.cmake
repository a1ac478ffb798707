# Filled by client/: installs the SDK and exports attuneConfig.cmake.
