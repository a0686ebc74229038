{{/* Labels of every object. Takes the root. */}}
{{- define "cift.labels" -}}
app.kubernetes.io/part-of: cift
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* The reference of an image. Takes (list root name). */}}
{{- define "cift.image" -}}
{{- $root := index . 0 -}}
{{- $exact := index $root.Values.images.exact (index . 1) -}}
{{- if $exact }}{{ $exact }}{{ else -}}
{{ $root.Values.images.registry }}/{{ index . 1 }}:{{ required "images.tag is empty: set it to the tag of the built images (python -m k8s.images prints it)" $root.Values.images.tag }}
{{- end }}
{{- end }}

{{/* The exchange's URL for pods of the cluster: the gateway's Service or, with TLS, the name in its certificate. */}}
{{- define "cift.inside" -}}
{{ .Release.Name }}-gateway.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
{{- end }}
{{- define "cift.url" -}}
{{- $gateway := .Values.gateway -}}{{- $inside := include "cift.inside" . -}}
{{- if $gateway.tls.secretName -}}
{{- $port := int $gateway.service.tlsPort -}}
https://{{ ternary $inside (first $gateway.hosts) (eq (first $gateway.hosts) "*") }}{{ if ne $port 443 }}:{{ $port }}{{ end }}
{{- else -}}
{{- $port := int $gateway.service.port -}}
http://{{ $inside }}{{ if ne $port 80 }}:{{ $port }}{{ end }}
{{- end }}
{{- end }}

{{/* The functions by name, as JSON: their declarations, overridden by values. */}}
{{- define "cift.functions" -}}
{{- $declared := (fromYaml (.Files.Get "functions.gen.yaml")).functions | default dict -}}
{{- $all := dict -}}
{{- range $name, $change := .Values.functions -}}
{{- if not (hasKey $declared $name) }}{{ fail (printf "functions.%s: no function has this name; functions.gen.yaml lists all" $name) }}{{ end -}}
{{- end -}}
{{- range $name, $function := $declared -}}
{{- $one := mustMergeOverwrite (deepCopy $function) (dict "resources" (deepCopy $.Values.functionDefaults.resources)) (deepCopy (index $.Values.functions $name | default dict)) -}}
{{- $always := or (eq $one.kind "daemon") (eq $one.kind "ws") -}}
{{- $_ := set $one "mode" (ternary "deployment" ($one.mode | default $.Values.mode) $always) -}}
{{- if or (not $one.market) (eq $one.market $.Values.market.source) -}}
{{- $_ := set $all $name $one -}}
{{- end -}}
{{- end -}}
{{ toJson $all }}
{{- end }}

{{/* The requirements of the Pod Security Standard "restricted", and a read-only root filesystem. */}}
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

{{/* Names of the Secrets: existing ones, or those that the installation makes. Empty for ClickHouse without either. */}}
{{- define "cift.secret.postgres" -}}{{ .Values.postgres.existingSecret | default (printf "%s-postgres" .Release.Name) }}{{- end }}
{{- define "cift.secret.nats" -}}{{ .Values.nats.existingSecret | default (printf "%s-nats" .Release.Name) }}{{- end }}
{{- define "cift.secret.valkey" -}}{{ .Values.valkey.existingSecret | default (printf "%s-valkey" .Release.Name) }}{{- end }}
{{- define "cift.secret.clickhouse" -}}{{ .Values.clickhouse.existingSecret | default (ternary (printf "%s-clickhouse" .Release.Name) "" .Values.clickhouse.enabled) }}{{- end }}
{{- define "cift.secret.keys" -}}{{ .Values.tokenKeys.existingSecret | default (printf "%s-token-keys" .Release.Name) }}{{- end }}
{{- define "cift.secret.publicKeys" -}}{{ .Values.tokenKeys.existingPublicSecret | default (printf "%s-token-public-keys" .Release.Name) }}{{- end }}

{{/* The URLs of stores, with passwords. Takes (list root needs natsUser). JSON of {secrets: [{name, secret, key}]}. Each
becomes a file in the pod's folder /etc/cift, which CIFT_<NAME>_FILE names: no environment variable holds a password. */}}
{{- define "cift.secrets" -}}
{{- $root := index . 0 -}}{{- $needs := index . 1 -}}{{- $found := list -}}
{{- if has "postgres" $needs }}{{ $found = append $found (dict "name" "CIFT_POSTGRES_URL" "secret" (include "cift.secret.postgres" $root) "key" "url") }}{{ end -}}
{{- if has "nats" $needs }}{{ $found = append $found (dict "name" "CIFT_NATS_URL" "secret" (include "cift.secret.nats" $root) "key" (printf "url-%s" (index . 2))) }}{{ end -}}
{{- if has "valkey" $needs }}{{ $found = append $found (dict "name" "CIFT_VALKEY_URL" "secret" (include "cift.secret.valkey" $root) "key" "url") }}{{ end -}}
{{- dict "secrets" $found | toJson -}}
{{- end }}

{{/* The same for a function, with its additional secrets. Takes (list root function). */}}
{{- define "cift.functionSecrets" -}}
{{- $root := index . 0 -}}{{- $function := index . 1 -}}{{- $needs := $function.needs | default list -}}
{{- $found := (include "cift.secrets" (list $root $needs "functions") | fromJson).secrets -}}
{{- with include "cift.secret.clickhouse" $root }}{{ if has "clickhouse" $needs }}
{{- $found = append $found (dict "name" "CIFT_CLICKHOUSE_URL" "secret" . "key" "url") }}
{{- end }}{{ end -}}
{{- with $root.Values.questdb.existingSecret }}{{ if has "questdb" $needs }}
{{- $found = concat $found (list (dict "name" "CIFT_QUESTDB_URL" "secret" . "key" "url") (dict "name" "CIFT_QUESTDB_ILP" "secret" . "key" "ilp")) }}
{{- end }}{{ end -}}
{{- if and (eq $function.function "auth.send_mails") $root.Values.mail.existingSecret }}
{{- $found = append $found (dict "name" "CIFT_SMTP_URL" "secret" $root.Values.mail.existingSecret "key" "url") }}
{{- end -}}
{{- if has $function.market (list "alpaca" "massive") }}
{{- $secret := required "market.existingSecret is empty: name a Secret with your credentials at the provider (alpaca: keys key and secret; massive: key)" $root.Values.market.existingSecret }}
{{- $found = append $found (dict "name" (printf "CIFT_%s_KEY" (upper $function.market)) "secret" $secret "key" "key") }}
{{- if eq $function.market "alpaca" }}{{ $found = append $found (dict "name" "CIFT_ALPACA_SECRET" "secret" $secret "key" "secret") }}{{ end }}
{{- end -}}
{{- dict "secrets" $found | toJson -}}
{{- end }}

{{/* From that JSON: the environment variables, the mount and the pod's volume. */}}
{{- define "cift.secretsEnv" -}}
{{- range (fromJson .).secrets }}
- {name: {{ .name }}_FILE, value: /etc/cift/{{ .name }}}
{{- end }}
{{- end }}
{{- define "cift.secretsMount" -}}
- {name: secrets, mountPath: /etc/cift, readOnly: true}
{{- end }}
{{- define "cift.secretsVolume" -}}
- name: secrets
  projected:
    defaultMode: 0444
    sources:
      {{- range (fromJson .).secrets }}
      - secret: {name: {{ .secret }}, items: [{key: {{ .key }}, path: {{ .name }}}]}
      {{- end }}
{{- end }}

{{/* Fails if more connections to PostgreSQL can be opened than it accepts. 20 are for migrations, the operator, backups
and PostgreSQL's own superuser slots. */}}
{{- define "cift.checkConnections" -}}
{{- $free := sub (int .Values.postgres.maxConnections) 20 -}}
{{- if .Values.pooler.enabled -}}
{{- $opened := mul (add1 (int .Values.pooler.replicas)) (int .Values.pooler.connections) -}}
{{- if gt $opened $free }}{{ fail (printf "pooler: %d replicas, and one more during a rollout, can open %d connections to PostgreSQL, but only %d are available (postgres.maxConnections minus 20): lower pooler.connections or raise postgres.maxConnections" (int .Values.pooler.replicas) $opened $free) }}{{ end -}}
{{- else -}}
{{- $opened := 0 -}}
{{- range $name, $function := include "cift.functions" . | fromJson -}}
{{- $opened = add $opened (mul (ternary (int $function.scale.max) (max 1 (int $function.scale.min)) (eq $function.mode "knative")) (int $function.postgresPool)) -}}
{{- end -}}
{{- if gt $opened $free }}{{ fail (printf "pooler.enabled is false, and the functions can open %d connections, but only %d are available (postgres.maxConnections minus 20): enable the pooler or raise postgres.maxConnections (with a pooler of your own: to the connections that it accepts)" $opened $free) }}{{ end -}}
{{- end -}}
{{- end }}

{{/* The environment of a function. Takes (list root function). */}}
{{- define "cift.functionEnv" -}}
{{- $root := index . 0 -}}{{- $function := index . 1 -}}
- {name: CIFT_FUNCTION, value: {{ $function.function | quote }}}
- {name: CIFT_SHARD, value: {{ $root.Values.shard | quote }}}
- {name: CIFT_TRUSTED_HOSTS, value: "*"}
- {name: CIFT_BEHIND_GATEWAY, value: "true"}
- {name: CIFT_RATE_LIMIT, value: {{ $root.Values.rateLimits.user | int64 | quote }}}
- {name: CIFT_RATE_LIMIT_PUBLIC, value: {{ $root.Values.rateLimits.public | int64 | quote }}}
- {name: CIFT_RATE_LIMIT_AUTH, value: {{ $root.Values.rateLimits.auth | int64 | quote }}}
- {name: CIFT_BCRYPT_ROUNDS, value: {{ $root.Values.bcryptRounds | quote }}}
- {name: CIFT_FREE_CASH, value: {{ $root.Values.freeCash | quote }}}
{{- if $root.Values.mail.existingSecret }}
- {name: CIFT_MAIL_FROM, value: {{ required "mail.from is empty: set the sender's address" $root.Values.mail.from | quote }}}
{{- end }}
{{- with $function.market }}{{ $market := $root.Values.market }}
- {name: CIFT_MARKET, value: {{ . | quote }}}
- {name: CIFT_SPEED, value: {{ $market.speed | quote }}}
- {name: CIFT_TICKS_MAX_BYTES, value: {{ $market.ticksMaxBytes | int64 | quote }}}
- {name: CIFT_SYMBOLS, value: {{ join "," $market.symbols | quote }}}
{{- if has . (list "alpaca" "massive") }}
- {name: CIFT_MARKET_HOURS, value: {{ $market.hours | quote }}}
{{- if eq . "alpaca" }}
- {name: CIFT_ALPACA_FEED, value: {{ $market.alpacaFeed | quote }}}
{{- end }}
{{- end }}
{{- end }}
{{- if has "postgres" $function.needs }}
- {name: CIFT_POSTGRES_POOL_MAX, value: {{ $function.postgresPool | quote }}}
{{- if $root.Values.pooler.enabled }}
- {name: CIFT_POSTGRES_POOLER, value: "{{ $root.Release.Name }}-pooler:{{ $root.Values.pooler.port }}"}
{{- end }}
{{- end }}
{{- if and (has "clickhouse" $function.needs) (not (include "cift.secret.clickhouse" $root)) }}
- {name: CIFT_CLICKHOUSE_URL, value: {{ $root.Values.clickhouse.url | quote }}}
{{- end }}
{{- if and (has "questdb" $function.needs) (not $root.Values.questdb.existingSecret) }}
{{- range $key := list "url" "ilp" }}
- {name: CIFT_QUESTDB_{{ upper $key }}, value: {{ index $root.Values.questdb $key | quote }}}
{{- end }}
{{- end }}
{{- include "cift.secretsEnv" (include "cift.functionSecrets" (list $root $function)) }}
{{- if has "keys" $function.needs }}
- {name: CIFT_TOKEN_KEYS, value: /keys}
{{- end }}
{{- range $name, $value := merge (deepCopy ($function.env | default dict)) $root.Values.functionDefaults.env }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{/* A function's volumes and their mounts, possibly empty. Take (list root function). */}}
{{- define "cift.functionVolumes" -}}
{{- $root := index . 0 -}}{{- $function := index . 1 -}}{{- $secrets := include "cift.functionSecrets" . -}}
{{- if (fromJson $secrets).secrets }}
{{- include "cift.secretsVolume" $secrets }}
{{- end }}
{{- if has "keys" $function.needs }}
- name: keys
  projected:
    defaultMode: 0444
    sources:
      - secret: {name: {{ include "cift.secret.publicKeys" $root }}}
      {{- if has "signing-keys" $function.needs }}
      - secret: {name: {{ include "cift.secret.keys" $root }}}
      {{- end }}
{{- end }}
{{- end }}
{{- define "cift.functionMounts" -}}
{{- $function := index . 1 -}}
{{- if (include "cift.functionSecrets" . | fromJson).secrets }}
{{- include "cift.secretsMount" . }}
{{- end }}
{{- if has "keys" $function.needs }}
- {name: keys, mountPath: /keys, readOnly: true}
{{- end }}
{{- end }}

{{- define "cift.functionImage" -}}
{{- $root := index . 0 -}}{{- $name := index . 1 -}}{{- $function := index . 2 -}}
{{- if contains ":" ($function.image | default "") }}{{ $function.image }}{{ else }}{{ include "cift.image" (list $root $name) }}{{ end }}
{{- end }}
