{{/* Labels of everything; . is the root. */}}
{{- define "cift.labels" -}}
app.kubernetes.io/part-of: cift
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* An image: (list root name). */}}
{{- define "cift.image" -}}
{{- $root := index . 0 -}}
{{- $exact := index $root.Values.images.exact (index . 1) -}}
{{- if $exact }}{{ $exact }}{{ else -}}
{{ $root.Values.images.registry }}/{{ index . 1 }}:{{ required "images.tag: which images? (python -m k8s.images prints it)" $root.Values.images.tag }}
{{- end }}
{{- end }}

{{/* The functions: what the doors declare, under what the values change. JSON, by name. */}}
{{- define "cift.functions" -}}
{{- $declared := (fromYaml (.Files.Get "functions.gen.yaml")).functions | default dict -}}
{{- $all := dict -}}
{{- range $name, $change := .Values.functions -}}
{{- if not (hasKey $declared $name) }}{{ fail (printf "functions.%s: there is no such function" $name) }}{{ end -}}
{{- end -}}
{{- range $name, $function := $declared -}}
{{- $one := mustMergeOverwrite (deepCopy $function) (dict "resources" (deepCopy $.Values.functionDefaults.resources)) (deepCopy (index $.Values.functions $name | default dict)) -}}
{{- $lives := or (eq $one.kind "daemon") (eq $one.kind "ws") -}}
{{- $_ := set $one "mode" (ternary "deployment" ($one.mode | default $.Values.mode) $lives) -}}
{{- if or (not $one.market) (eq $one.market $.Values.market.source) -}}
{{- $_ := set $all $name $one -}}
{{- end -}}
{{- end -}}
{{ toJson $all }}
{{- end }}

{{/* What "restricted" asks of a container, and a root that cannot be written. */}}
{{- define "cift.containerSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "cift.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* Names of the Secrets: yours, or those that the first installation makes. */}}
{{- define "cift.secret.postgres" -}}{{ .Values.postgres.existingSecret | default (printf "%s-postgres" .Release.Name) }}{{- end }}
{{- define "cift.secret.nats" -}}{{ .Values.nats.existingSecret | default (printf "%s-nats" .Release.Name) }}{{- end }}
{{- define "cift.secret.valkey" -}}{{ .Values.valkey.existingSecret | default (printf "%s-valkey" .Release.Name) }}{{- end }}
{{- define "cift.secret.keys" -}}{{ .Values.tokenKeys.existingSecret | default (printf "%s-token-keys" .Release.Name) }}{{- end }}

{{/* Environment of a function: (list root function). */}}
{{- define "cift.functionEnv" -}}
{{- $root := index . 0 -}}{{- $function := index . 1 -}}
- {name: CIFT_FUNCTION, value: {{ $function.door | quote }}}
- {name: CIFT_SHARD, value: {{ $root.Values.shard | quote }}}
- {name: CIFT_TRUSTED_HOSTS, value: "*"}
- {name: CIFT_BEHIND_GATEWAY, value: "true"}
- {name: CIFT_RATE_LIMIT, value: {{ $root.Values.rateLimits.user | int64 | quote }}}
- {name: CIFT_RATE_LIMIT_PUBLIC, value: {{ $root.Values.rateLimits.public | int64 | quote }}}
- {name: CIFT_RATE_LIMIT_AUTH, value: {{ $root.Values.rateLimits.auth | int64 | quote }}}
- {name: CIFT_BCRYPT_ROUNDS, value: {{ $root.Values.bcryptRounds | quote }}}
{{- with $function.market }}{{ $market := $root.Values.market }}
- {name: CIFT_MARKET, value: {{ . | quote }}}
- {name: CIFT_SPEED, value: {{ $market.speed | quote }}}
- {name: CIFT_SYMBOLS, value: {{ join "," $market.symbols | quote }}}
{{- if has . (list "alpaca" "massive") }}
{{- $secret := required "market.existingSecret: a Secret with your key at the provider (alpaca: key and secret; massive: key)" $market.existingSecret }}
- {name: CIFT_MARKET_HOURS, value: {{ $market.hours | quote }}}
- {name: CIFT_{{ upper . }}_KEY, valueFrom: {secretKeyRef: {name: {{ $secret }}, key: key}}}
{{- if eq . "alpaca" }}
- {name: CIFT_ALPACA_SECRET, valueFrom: {secretKeyRef: {name: {{ $secret }}, key: secret}}}
- {name: CIFT_ALPACA_FEED, value: {{ $market.alpacaFeed | quote }}}
{{- end }}
{{- end }}
{{- end }}
{{- if has "postgres" $function.needs }}
- {name: CIFT_POSTGRES_POOL_MAX, value: {{ $function.postgresPool | quote }}}
- {name: CIFT_POSTGRES_URL, valueFrom: {secretKeyRef: {name: {{ include "cift.secret.postgres" $root }}, key: url}}}
{{- end }}
{{- if has "nats" $function.needs }}
- {name: CIFT_NATS_URL, valueFrom: {secretKeyRef: {name: {{ include "cift.secret.nats" $root }}, key: url-functions}}}
{{- end }}
{{- if has "valkey" $function.needs }}
- {name: CIFT_VALKEY_URL, valueFrom: {secretKeyRef: {name: {{ include "cift.secret.valkey" $root }}, key: url}}}
{{- end }}
{{- if has "clickhouse" $function.needs }}
{{- if $root.Values.clickhouse.existingSecret }}
- {name: CIFT_CLICKHOUSE_URL, valueFrom: {secretKeyRef: {name: {{ $root.Values.clickhouse.existingSecret }}, key: url}}}
{{- else }}
- {name: CIFT_CLICKHOUSE_URL, value: {{ $root.Values.clickhouse.url | quote }}}
{{- end }}
{{- end }}
{{- if has "questdb" $function.needs }}
{{- range $key := list "url" "ilp" }}
{{- if $root.Values.questdb.existingSecret }}
- {name: CIFT_QUESTDB_{{ upper $key }}, valueFrom: {secretKeyRef: {name: {{ $root.Values.questdb.existingSecret }}, key: {{ $key }}}}}
{{- else }}
- {name: CIFT_QUESTDB_{{ upper $key }}, value: {{ index $root.Values.questdb $key | quote }}}
{{- end }}
{{- end }}
{{- end }}
{{- if has "keys" $function.needs }}
- {name: CIFT_TOKEN_KEYS, value: /keys}
{{- end }}
{{- range $name, $value := merge (deepCopy ($function.env | default dict)) $root.Values.functionDefaults.env }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{- define "cift.functionImage" -}}
{{- $root := index . 0 -}}{{- $name := index . 1 -}}{{- $function := index . 2 -}}
{{- if contains ":" ($function.image | default "") }}{{ $function.image }}{{ else }}{{ include "cift.image" (list $root $name) }}{{ end }}
{{- end }}
