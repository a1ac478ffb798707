{{/* The pod of a server, for Deployment and StatefulSet. */}}
{{- define "attune.serverPod" -}}
{{- $server := .Values.server -}}
metadata:
  labels:
    {{- include "attune.labels" (list . "server") | nindent 4 }}
    {{- with $server.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  annotations:
    # Settings are read at the start; certificates and roles again and again, so they are not in it.
    checksum/config: {{ include (print $.Template.BasePath "/configmap.yaml") . | sha256sum }}
    {{- with $server.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ include "attune.serviceAccount" . }}
  {{- include "attune.podSecurity" . | nindent 2 }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets: {{ toYaml . | nindent 4 }}
  {{- end }}
  # drain_delay + shutdown_deadline, 5 s until the watchdog, 5 s to spare.
  terminationGracePeriodSeconds: {{ add $server.drainDelaySeconds $server.shutdownDeadlineSeconds 10 }}
  containers:
    - name: server
      image: {{ include "attune.image" (list . .Values.image) }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: [attune_server]
      args: [--config, /etc/attune/config/server.yaml]
      env:
        # `attune forget` makes a copy of the log; the root file system is read-only.
        - {name: SQLITE_TMPDIR, value: /var/lib/attune}
        {{- with $server.extraEnv }}{{ toYaml . | nindent 8 }}{{ end }}
      ports:
        - {name: grpc, containerPort: 50051}
        - {name: grpc-control, containerPort: 50052}
        - {name: metrics, containerPort: 9464}
        {{- if .Values.console.from }}
        - {name: console, containerPort: 9465}
        {{- end }}
        {{- if ne .Values.tls.mode "off" }}
        - {name: health, containerPort: 9466}
        {{- end }}
      {{- include "attune.probes" . | nindent 6 }}
      {{- include "attune.containerSecurity" . | nindent 6 }}
      resources: {{- toYaml $server.resources | nindent 8 }}
      volumeMounts:
        - {name: data, mountPath: /var/lib/attune}
        - {name: config, mountPath: /etc/attune/config, readOnly: true}
        - {name: keys, mountPath: /etc/attune/keys, readOnly: true}
        {{- if .Values.redis.existingSecret }}
        - {name: redis, mountPath: /etc/attune/redis, readOnly: true}
        {{- end }}
        {{- if ne .Values.tls.mode "off" }}
        - {name: tls, mountPath: /etc/attune/tls, readOnly: true}
        {{- end }}
        {{- if eq .Values.tls.mode "mutual" }}
        - {name: client-ca, mountPath: /etc/attune/client-ca, readOnly: true}
        - {name: roles, mountPath: /etc/attune/roles, readOnly: true}
        {{- end }}
  volumes:
    {{- if not .Values.persistence.enabled }}
    - name: data
      emptyDir: {sizeLimit: {{ .Values.persistence.size }}}
    {{- else if eq $server.kind "Deployment" }}
    - name: data
      persistentVolumeClaim: {claimName: {{ default (include "attune.fullname" .) .Values.persistence.existingClaim }}}
    {{- end }}
    - name: config
      configMap: {name: {{ include "attune.fullname" . }}}
    - name: keys
      secret: {secretName: {{ include "attune.keysSecret" . }}, defaultMode: 0440}
    {{- with .Values.redis.existingSecret }}
    - name: redis
      secret: {secretName: {{ . }}, defaultMode: 0440, items: [{key: password, path: password}]}
    {{- end }}
    {{- if ne .Values.tls.mode "off" }}
    - name: tls
      secret:
        secretName: {{ include "attune.tlsSecret" . }}
        defaultMode: 0440
        items: [{key: tls.crt, path: tls.crt}, {key: tls.key, path: tls.key}]
    {{- end }}
    {{- if eq .Values.tls.mode "mutual" }}
    {{- with .Values.tls.clientCa }}
    - name: client-ca
      secret:
        secretName: {{ default (include "attune.tlsSecret" $) .existingSecret }}
        defaultMode: 0440
        items: [{key: {{ .key }}, path: {{ .key }}}]
    {{- end }}
    - name: roles
      configMap: {name: {{ include "attune.fullname" . }}-roles}
    {{- end }}
  {{- if $server.topologySpread.enabled }}
  topologySpreadConstraints:
    {{- range $server.topologySpread.topologyKeys }}
    - maxSkew: {{ $server.topologySpread.maxSkew }}
      topologyKey: {{ . }}
      whenUnsatisfiable: {{ $server.topologySpread.whenUnsatisfiable }}
      labelSelector:
        matchLabels: {{- include "attune.selector" (list $ "server") | nindent 10 }}
    {{- end }}
  {{- end }}
  {{- with $server.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $server.nodeSelector }}
  nodeSelector: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with $server.tolerations }}
  tolerations: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with $server.affinity }}
  affinity: {{ toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/*
Without TLS the kubelet asks the health service. Startup and liveness ask on the control port: it has connections of its own, so a crowd at
the data port makes the pod unready at most, never restarted. With TLS the kubelet cannot ask there: its grpc probe speaks no TLS, and with
mutual it has no certificate. Then readiness is asked over HTTP, and the others see that the control port takes connections.
*/}}
{{- define "attune.probes" -}}
{{- $probes := .Values.probes }}
{{- $plain := eq .Values.tls.mode "off" }}
{{- range $i, $name := list "startup" "readiness" "liveness" }}
{{- if $i }}{{ "\n" }}{{ end }}
{{- $name }}Probe:
  {{- if and $plain (eq $name "readiness") }}
  grpc: {port: 50051, service: attune.v1.PromptService}
  {{- else if $plain }}
  grpc: {port: 50052, service: attune.v1.PolicyService}
  {{- else if eq $name "readiness" }}
  httpGet: {port: health, path: /readyz}
  {{- else }}
  tcpSocket: {port: grpc-control}
  {{- end }}
  {{- toYaml (index $probes $name) | nindent 2 }}
{{- end }}
{{- end }}
