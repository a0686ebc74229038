{{/* nats-server's configuration. Only matchd's user `engine` may publish to ORDERS and the engine's snapshots, or create,
update, purge or delete them. Passwords are variables of the included file, which is a Secret. nats-server resolves the
path of an included file relative to the folder of the including file, even an absolute path. */}}
{{- define "cift.natsConfig" -}}
{{- $stream := ternary "ORDERS" (printf "ORDERS_%s" .Values.shard) (eq .Values.shard "main") -}}
{{- $updates := ternary "UPDATES" (printf "UPDATES_%s" .Values.shard) (eq .Values.shard "main") -}}
{{- $read := list "INFO" "STREAM.INFO.>" "STREAM.NAMES" "STREAM.LIST" "STREAM.MSG.GET.>" "DIRECT.GET.>" "CONSUMER.INFO.>" "CONSUMER.NAMES.>" "CONSUMER.LIST.>" -}}
{{- $consume := list "CONSUMER.CREATE.>" "CONSUMER.DURABLE.CREATE.>" "CONSUMER.DELETE.>" "CONSUMER.RESET.>" "CONSUMER.MSG.NEXT.>" -}}
include "../secret/passwords.conf"
{{- if gt (.Values.nats.replicas | int) 1 }}
include "../secret/peers.conf"
{{- end }}
server_name: $POD_NAME
listen: "0.0.0.0:{{ .Values.nats.port }}"
http: "0.0.0.0:8222"
max_payload: 8MB
max_pending: 256MB
jetstream {
  store_dir: /data/nats
  # An acknowledged record must be on disk. The default syncs every two minutes.
  sync_interval: always
  max_file_store: {{ .Values.nats.fileStoreBytes | int64 }}
  max_memory_store: {{ .Values.nats.memoryStoreBytes | int64 }}
}
{{- if gt (.Values.nats.replicas | int) 1 }}
cluster {
  name: {{ .Release.Name }}
  listen: "0.0.0.0:6222"
  authorization: { user: peer, password: $PEER_PASSWORD }
  routes: [$ROUTE_0, $ROUTE_1, $ROUTE_2]
}
{{- end }}
authorization {
  users: [
    { user: engine, password: $ENGINE_PASSWORD }
    { user: relay, password: $RELAY_PASSWORD, permissions: {
      publish: { allow: ["dlq.>", "$JS.API.STREAM.MSG.DELETE.DLQ", "$JS.ACK.>"{{ range concat $read $consume }}, "$JS.API.{{ . }}"{{ end }}] }
      subscribe: { allow: ["_INBOX.>", "relay.{{ .Values.shard }}.replay.>"] }
      allow_responses: true } }
    { user: functions, password: $FUNCTIONS_PASSWORD, permissions: {
      publish: { allow: ["engine.*.command", "engine.*.query", "relay.*.replay.>", "ticks.>", "factors.>", "$JS.API.STREAM.CREATE.TICKS", "$JS.ACK.>"{{ range concat $read $consume }}, "$JS.API.{{ . }}"{{ end }}]
                 deny: ["$JS.API.CONSUMER.*.{{ $stream }}.>", "$JS.API.CONSUMER.DURABLE.CREATE.{{ $stream }}.>", "$JS.API.CONSUMER.MSG.NEXT.{{ $stream }}.>"] }
      subscribe: { allow: ["_INBOX.>", "engine.*.leading", "updates.>"] } } }
    { user: operator, password: $OPERATOR_PASSWORD, permissions: {
      publish: { allow: ["engine.*.command", "engine.*.query", "$JS.API.>", "$JS.ACK.>"]
                 deny: [
                   {{- range $name := list $stream $updates (printf "OBJ_ENGINE_%s" .Values.shard) }}
                   {{- range list "STREAM.CREATE" "STREAM.UPDATE" "STREAM.DELETE" "STREAM.PURGE" "STREAM.MSG.DELETE" "STREAM.RESTORE" "STREAM.SNAPSHOT" "STREAM.PEER.REMOVE" "STREAM.LEADER.STEPDOWN" "CONSUMER.CREATE" "CONSUMER.DURABLE.CREATE" "CONSUMER.DELETE" "CONSUMER.RESET" }}
                   "$JS.API.{{ . }}.{{ $name }}", "$JS.API.{{ . }}.{{ $name }}.>",
                   {{- end }}
                   {{- end }}
                   "orders.>"] }
      subscribe: { allow: ["_INBOX.>", "engine.*.leading"] } } }
  ]
}
{{- end }}
