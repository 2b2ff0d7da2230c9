{{- define "sudor.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "sudor.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "sudor.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "sudor.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "sudor.selector" -}}
app.kubernetes.io/name: {{ include "sudor.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "sudor.labels" -}}
{{ include "sudor.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "sudor.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "sudor.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "sudor.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "sudor.onKafka" -}}
{{- if eq (dig "log" "kind" "embedded" .Values.config) "kafka" -}}yes{{- end -}}
{{- end -}}

{{/* What the program would refuse at its start, or do wrongly, said when the chart is rendered. */}}
{{- define "sudor.check" -}}
{{- $values := .Values -}}
{{- $config := .Values.config -}}
{{- range $path := list "http.bind" "log.data" "log.format" "log.security.ca_file" "vault.key_file" "auth.keys_file" -}}
{{- if include "sudor.at" (list $config (splitList "." $path)) -}}
{{- fail (printf "config.%s is the chart's own" $path) -}}
{{- end -}}
{{- end -}}
{{- range $path := list "garmin.secret" "garmin.client_secret" "strava.secret" "strava.verify_token" "strava.client_secret" "weather.api_key" "store.password" "log.security.password" -}}
{{- if include "sudor.at" (list $config (splitList "." $path)) -}}
{{- fail (printf "config.%s is a secret: put SUDOR__%s into the Secret that secretEnv names" $path (upper $path | replace "." "__")) -}}
{{- end -}}
{{- end -}}
{{- if include "sudor.onKafka" . -}}
{{- if not $values.vaultKey.existingSecret -}}
{{- fail "on Kafka all processes seal with one key: vaultKey.existingSecret names the Secret" -}}
{{- end -}}
{{- else -}}
{{- if gt (int $values.replicas) 1 -}}
{{- fail "a data folder has one writer: replicas above 1 need config.log.kind kafka" -}}
{{- end -}}
{{- if and $values.roles (ne (len $values.roles) 4) -}}
{{- fail "one process does everything in a data folder: roles need config.log.kind kafka" -}}
{{- end -}}
{{- end -}}
{{- $sinks := or (not $values.roles) (has "sink" $values.roles) -}}
{{- if and (eq (dig "store" "kind" "sqlite" $config) "scylla") $sinks (gt (int $values.replicas) 1) -}}
{{- fail "a keyspace has one process with the role sink: make a release of one replica for it, and leave sink out of roles here" -}}
{{- end -}}
{{- if and (not $values.apiKeys.existingSecret) (ne (dig "auth" "required" "auto" $config) "off") -}}
{{- fail "nobody could get in: apiKeys.existingSecret names the Secret with the API keys (or config.auth.required is \"off\")" -}}
{{- end -}}
{{- end -}}

{{/* "yes" where there is something at a path of a map: (list MAP PATH). */}}
{{- define "sudor.at" -}}
{{- $map := index . 0 -}}
{{- $path := index . 1 -}}
{{- if and (kindIs "map" $map) (hasKey $map (first $path)) -}}
{{- if eq (len $path) 1 -}}yes
{{- else -}}
{{- include "sudor.at" (list (index $map (first $path)) (rest $path)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A table of TOML: (list NAME MAP). Helm's own toToml makes 16.0 of 16. */}}
{{- define "sudor.table" -}}
{{- $name := index . 0 -}}
{{- $map := index . 1 -}}
{{- $plain := dict -}}
{{- $tables := dict -}}
{{- range $key, $value := $map -}}
{{- if kindIs "map" $value -}}
{{- $_ := set $tables $key $value -}}
{{- else if not (kindIs "invalid" $value) -}}
{{- $_ := set $plain $key $value -}}
{{- end -}}
{{- end -}}
{{- if $plain }}
[{{ $name }}]
{{- range $key, $value := $plain }}
{{ $key }} = {{ toJson $value }}
{{- end }}
{{ end -}}
{{- range $key, $value := $tables -}}
{{- include "sudor.table" (list (printf "%s.%s" $name $key) $value) -}}
{{- end -}}
{{- end -}}

{{/* sudor.toml: what the values say, and what the chart decides. */}}
{{- define "sudor.toml" -}}
{{- $own := dict "http" (dict "bind" "0.0.0.0:8080") "log" (dict "data" "/var/lib/sudor/data" "format" "json") -}}
{{- if .Values.apiKeys.existingSecret -}}
{{- $_ := set $own "auth" (dict "keys_file" "/etc/sudor/api-keys/keys") -}}
{{- end -}}
{{- if .Values.vaultKey.existingSecret -}}
{{- $_ := set $own "vault" (dict "key_file" "/etc/sudor/vault/vault.key") -}}
{{- end -}}
{{- if .Values.kafkaCa.existingSecret -}}
{{- $_ := set $own.log "security" (dict "ca_file" "/etc/sudor/kafka-ca/ca.crt") -}}
{{- end -}}
{{- $all := mergeOverwrite (deepCopy .Values.config) $own -}}
{{- range $section, $keys := $all -}}
{{- include "sudor.table" (list $section $keys) -}}
{{- end -}}
{{- end -}}

{{/* What every container of the program has in common. */}}
{{- define "sudor.container" -}}
image: {{ include "sudor.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- if .Values.secretEnv }}
envFrom:
  - secretRef:
      name: {{ .Values.secretEnv }}
{{- end }}
{{- with .Values.extraEnv }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - name: config
    mountPath: /etc/sudor/sudor.toml
    subPath: sudor.toml
    readOnly: true
  - name: data
    mountPath: /var/lib/sudor
  - name: tmp
    mountPath: /tmp
  {{- if .Values.apiKeys.existingSecret }}
  - name: api-keys
    mountPath: /etc/sudor/api-keys
    readOnly: true
  {{- end }}
  {{- if .Values.vaultKey.existingSecret }}
  - name: vault-key
    mountPath: /etc/sudor/vault
    readOnly: true
  {{- end }}
  {{- if .Values.kafkaCa.existingSecret }}
  - name: kafka-ca
    mountPath: /etc/sudor/kafka-ca
    readOnly: true
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}
