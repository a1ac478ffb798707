{{/* Names. */}}
{{- define "attune.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "attune.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "attune.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "attune.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "attune.serviceAccount" -}}
{{- default (ternary (include "attune.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name }}
{{- end }}

{{- define "attune.keysSecret" -}}
{{- default (printf "%s-keys" (include "attune.fullname" .)) .Values.keys.existingSecret }}
{{- end }}

{{- define "attune.tlsSecret" -}}
{{- default (printf "%s-tls" (include "attune.fullname" .)) .Values.tls.existingSecret }}
{{- end }}

{{/* Secret of a client within the release. (list root existingSecret component) */}}
{{- define "attune.clientTlsSecret" -}}
{{- $root := index . 0 }}
{{- default (printf "%s-%s-tls" (include "attune.fullname" $root) (index . 2)) (index . 1) }}
{{- end }}

{{/* The name in that client's certificate, if cert-manager makes it. (list root component) */}}
{{- define "attune.clientName" -}}
{{- $root := index . 0 }}
{{- printf "%s-%s.%s" (include "attune.fullname" $root) (index . 1) $root.Release.Namespace }}
{{- end }}

{{/* Labels. (list root component) */}}
{{- define "attune.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "attune.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "attune.labels" -}}
{{- $root := index . 0 -}}
{{ include "attune.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: attune
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* (list root image) */}}
{{- define "attune.image" -}}
{{- $image := index . 1 }}
{{- if $image.digest }}
{{- printf "%s@%s" $image.repository $image.digest }}
{{- else }}
{{- printf "%s:%s" $image.repository (default (index . 0).Chart.AppVersion $image.tag) }}
{{- end }}
{{- end }}

{{/* What every pod and container of ours has: the "restricted" pod security standard, and a root file system that nobody writes to. */}}
{{- define "attune.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "attune.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "attune.roles" -}}
{{- $roles := deepCopy .Values.tls.roles }}
{{- if .Values.tls.certManager.enabled }}
{{- if .Values.trainer.enabled }}
{{- $_ := set $roles (include "attune.clientName" (list . "trainer")) (list "trainer") }}
{{- end }}
{{- if .Values.edge.enabled }}
{{- $_ := set $roles (include "attune.clientName" (list . "edge")) (list "client" "feedback_writer") }}
{{- end }}
{{- end }}
{{- toYaml $roles }}
{{- end }}

{{/* The file of --config. Durations and paths are text to the server. */}}
{{- define "attune.settings" -}}
{{- $address := .Values.server.listenAddress }}
{{- $all := dict
  "data_listen" (printf "%s:50051" $address)
  "control_listen" (printf "%s:50052" $address)
  "metrics_listen" (printf "%s:9464" $address)
  "revision_dir" "/var/lib/attune/revisions"
  "log_dir" "/var/lib/attune/log"
  "token_key_file" "/etc/attune/keys/token.key"
  "user_key_file" "/etc/attune/keys/user.key"
  "drain_delay" (printf "%ds" (int .Values.server.drainDelaySeconds))
  "shutdown_deadline" (printf "%ds" (int .Values.server.shutdownDeadlineSeconds)) }}
{{- with .Values.redis }}
{{- if .url }}
{{- $_ := set $all "redis_url" (ternary (replace "redis://" (printf "redis://%s@" .user) .url) .url (ne .user "")) }}
{{- $_ := set $all "redis_prefix" .prefix }}
{{- if .existingSecret }}{{ $_ := set $all "redis_password_file" "/etc/attune/redis/password" }}{{ end }}
{{- end }}
{{- end }}
{{- if .Values.console.enabled }}
{{- $_ := set $all "console_listen" (printf "%s:9465" (ternary $address "127.0.0.1" (not (empty .Values.console.from)))) }}
{{- end }}
{{- if .Values.tracing.endpoint }}
{{- $_ := set $all "otlp_endpoint" .Values.tracing.endpoint }}
{{- $_ := set $all "trace_ratio" (toString .Values.tracing.ratio) }}
{{- end }}
{{- if .Values.server.catalog }}{{ $_ := set $all "catalog" "/etc/attune/config/catalog.yaml" }}{{ end }}
{{- if .Values.server.trustedKeys }}{{ $_ := set $all "trusted_keys_file" "/etc/attune/config/trusted_keys.pem" }}{{ end }}
{{- if ne .Values.tls.mode "off" }}
{{- $_ := set $all "health_listen" (printf "%s:9466" $address) }}
{{- $_ := set $all "tls_cert_file" "/etc/attune/tls/tls.crt" }}
{{- $_ := set $all "tls_key_file" "/etc/attune/tls/tls.key" }}
{{- end }}
{{- if eq .Values.tls.mode "mutual" }}
{{- $_ := set $all "tls_client_ca_file" (printf "/etc/attune/client-ca/%s" .Values.tls.clientCa.key) }}
{{- $_ := set $all "roles_file" "/etc/attune/roles/roles.yaml" }}
{{- end }}
{{- /* All of the proxy's connections come from one address. */}}
{{- if .Values.edge.enabled }}{{ $_ := set $all "max_connections_per_address" "0" }}{{ end }}
{{- range $name, $value := .Values.server.settings }}
{{- /* A number from values is a float, which would print as 1.073741824e+09. */}}
{{- $_ := set $all $name (ternary (printf "%.0f" $value) (toString $value) (kindIs "float64" $value)) }}
{{- end }}
{{- toYaml $all }}
{{- end }}

{{/* The port that a URL means. */}}
{{- define "attune.portOf" -}}
{{- $url := urlParse . }}
{{- regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) | default (ternary "443" "80" (eq $url.scheme "https")) }}
{{- end }}

{{/* The way to the collector, for the rules of whoever sends spans. */}}
{{- define "attune.tracingEgress" -}}
- ports: [{port: {{ include "attune.portOf" .Values.tracing.endpoint }}, protocol: TCP}]
  {{- with .Values.tracing.egressTo }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* Combinations that the schema cannot see. */}}
{{- define "attune.check" -}}
{{- $v := .Values }}
{{- $several := or (gt (int $v.server.replicas) 1) $v.autoscaling.enabled }}
{{- if and $several $v.persistence.enabled (eq $v.server.kind "Deployment") }}
{{- fail "server.replicas, autoscaling: replicas cannot share a volume, each keeps its own log; set server.kind=StatefulSet, or persistence.enabled=false" }}
{{- end }}
{{- if and $v.console.from (not (and $v.console.enabled $v.networkPolicy.enabled)) }}
{{- fail "console.from: needs console.enabled and networkPolicy.enabled; the console has no login" }}
{{- end }}
{{- if and $v.persistence.existingClaim (eq $v.server.kind "StatefulSet") }}
{{- fail "persistence.existingClaim: a StatefulSet has a claim for each replica; set server.kind=Deployment" }}
{{- end }}
{{- if and (ne $v.tls.mode "off") (not $v.tls.existingSecret) (not $v.tls.certManager.enabled) }}
{{- fail "tls.mode: needs tls.existingSecret or tls.certManager.enabled" }}
{{- end }}
{{- if and $v.tls.existingSecret $v.tls.certManager.enabled }}
{{- fail "tls: either existingSecret or certManager.enabled" }}
{{- end }}
{{- if and (or $v.redis.existingSecret $v.redis.user) (not $v.redis.url) }}
{{- fail "redis.url: needed with redis.existingSecret and redis.user" }}
{{- end }}
{{- if and $v.redis.user (not $v.redis.existingSecret) }}
{{- fail "redis.existingSecret: needed with redis.user" }}
{{- end }}
{{- if and $v.trainer.enabled (not $v.redis.url) (or $v.autoscaling.enabled (and $several (eq $v.server.kind "Deployment"))) }}
{{- fail "trainer.enabled: a revision must be pushed to every replica by name; needs redis.url, one replica, or server.kind=StatefulSet without autoscaling" }}
{{- end }}
{{- if and $v.trainer.enabled $v.server.trustedKeys }}
{{- fail "trainer.enabled: its revisions are not signed, and server.trustedKeys refuses those; train elsewhere, sign, push" }}
{{- end }}
{{- if and (ne $v.tls.mode "off") (not $v.tls.certManager.enabled) }}
{{- if and $v.trainer.enabled (not $v.trainer.tls.existingSecret) }}{{ fail "trainer.tls.existingSecret: needed with tls.mode" }}{{ end }}
{{- if and $v.edge.enabled (not $v.edge.upstreamTls.existingSecret) }}{{ fail "edge.upstreamTls.existingSecret: needed with tls.mode" }}{{ end }}
{{- end }}
{{- end }}
