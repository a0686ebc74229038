{{/* Response headers for Envoy to set, from a map. JSON. */}}
{{- define "cift.gatewayHeaders" -}}
{{- $set := list -}}
{{- range $name, $value := . }}{{ $set = append $set (dict "header" (dict "key" $name "value" $value) "append_action" "OVERWRITE_IF_EXISTS_OR_ADD") }}{{ end -}}
{{- toJson $set -}}
{{- end }}

{{/* Envoy's configuration. The routes come from the declared functions: path template and method → function. A request
goes to Knative's ingress with the function's Host, or directly to the Service of a function that is a Deployment. */}}
{{- define "cift.gatewayConfig" -}}
{{- $root := . -}}
{{- $functions := include "cift.functions" . | fromJson -}}
{{- $paths := dict -}}
{{- range $name, $f := $functions }}{{ if or (eq $f.kind "http") (eq $f.kind "ws") }}
{{- $_ := set $paths $f.path (append (index $paths $f.path | default list) (set $f "name" $name)) }}
{{- end }}{{ end -}}
{{- $exact := list }}{{ $templates := list }}
{{- range $path := keys $paths | sortAlpha }}{{ if contains "{" $path }}{{ $templates = append $templates $path }}{{ else }}{{ $exact = append $exact $path }}{{ end }}{{ end -}}
{{- $routes := list -}}
{{- range $path := concat $exact $templates -}}
{{- $match := dict "path" $path -}}
{{- /* Alpaca's clients double the first slash or add one at the end, and may use the prefix /alpaca. */ -}}
{{- if eq ((index (index $paths $path) 0).form | default "cift") "alpaca" }}{{ $match = dict "safe_regex" (dict "regex" (printf "/+(alpaca/+)?%s/*" (regexReplaceAll "\\{[^}]*\\}" (replace "." "\\." (trimPrefix "/" $path)) "[^/]+"))) -}}
{{- else if contains "{" $path }}{{ $match = dict "safe_regex" (dict "regex" (regexReplaceAll "\\{[^}]*\\}" (replace "." "\\." $path) "[^/]+")) }}{{ end -}}
{{- $allowed := list "OPTIONS" -}}
{{- range $f := index $paths $path -}}
{{- $method := ternary "GET" $f.method (eq $f.kind "ws") -}}
{{- $methods := ternary (list "GET" "HEAD") (list $method) (eq $method "GET") -}}
{{- $allowed = concat $allowed $methods -}}
{{- $host := printf "%s.%s.svc.%s" $f.name $root.Release.Namespace $root.Values.clusterDomain -}}
{{- $knative := eq $f.mode "knative" -}}
{{- /* A function that may have no pod gets time to start one. For a warm function the addition is short: if its pod is lost
during a request, the caller soon receives outcome_unknown. */ -}}
{{- $warm := and $knative (gt ($f.scale.min | int) 0) -}}
{{- $wake := ternary 5 $root.Values.gateway.coldStartSeconds $warm | int -}}
{{- $action := dict "cluster" (ternary "ingress" $f.name $knative) "host_rewrite_literal" $host "append_x_forwarded_host" true "timeout" (printf "%ds" (add ($f.timeoutSeconds | int) $wake)) -}}
{{- $route := dict "name" $f.function "match" (merge (dict "headers" (list (dict "name" ":method" "string_match" (dict "safe_regex" (dict "regex" (join "|" $methods)))))) $match) "route" $action -}}
{{- $changes := and (not (has $method (list "GET" "HEAD"))) (ne ($f.scope | default "") "read") -}}
{{- $_ := set $route "metadata" (dict "filter_metadata" (dict "envoy.filters.http.lua" (dict "changes" $changes))) -}}
{{- if eq $f.kind "ws" -}}
{{- $_ := set $action "timeout" "0s" -}}
{{- $_ := set $action "upgrade_configs" (list (dict "upgrade_type" "websocket")) -}}
{{- $_ := set $route "typed_per_filter_config" (dict "envoy.filters.http.buffer" (dict "@type" "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.BufferPerRoute" "disabled" true)) -}}
{{- end -}}
{{- $routes = append $routes $route -}}
{{- end -}}
{{- $allow := include "cift.gatewayHeaders" (dict "allow" (uniq $allowed | sortAlpha | join ", ")) | fromJsonArray -}}
{{- $routes = append $routes (dict "match" (merge (dict "headers" (list (dict "name" ":method" "string_match" (dict "exact" "OPTIONS")))) $match) "direct_response" (dict "status" 204) "response_headers_to_add" $allow) -}}
{{- $routes = append $routes (dict "match" $match "direct_response" (dict "status" 405) "response_headers_to_add" $allow) -}}
{{- end -}}
{{- range $path, $page := (fromYaml (.Files.Get "functions.gen.yaml")).pages -}}
{{- $headers := include "cift.gatewayHeaders" (dict "content-type" $page.media "x-cift-origin" "gateway" "x-content-type-options" "nosniff" "cache-control" "max-age=3600") | fromJsonArray -}}
{{- $reading := list (dict "name" ":method" "string_match" (dict "safe_regex" (dict "regex" "GET|HEAD"))) -}}
{{- $routes = append $routes (dict "match" (dict "path" $path "headers" $reading) "direct_response" (dict "status" 200 "body" (dict "filename" (printf "/pages/%s" $page.file))) "response_headers_to_add" $headers) -}}
{{- $allow := include "cift.gatewayHeaders" (dict "allow" "GET, HEAD") | fromJsonArray -}}
{{- $routes = append $routes (dict "match" (dict "path" $path) "direct_response" (dict "status" 405) "response_headers_to_add" $allow) -}}
{{- end -}}
{{- $routes = append $routes (dict "match" (dict "prefix" "/") "direct_response" (dict "status" 404)) -}}
{{- $clusters := list (dict "name" "ingress" "type" "STRICT_DNS" "connect_timeout" "2s" "load_assignment" (dict "cluster_name" "ingress" "endpoints" (list (dict "lb_endpoints" (list (dict "endpoint" (dict "address" (dict "socket_address" (dict "address" .Values.gateway.ingress.host "port_value" .Values.gateway.ingress.port))))))))) -}}
{{- range $name, $f := $functions }}{{ if and (or (eq $f.kind "http") (eq $f.kind "ws")) (eq $f.mode "deployment") }}
{{- $clusters = append $clusters (dict "name" $name "type" "STRICT_DNS" "connect_timeout" "2s" "load_assignment" (dict "cluster_name" $name "endpoints" (list (dict "lb_endpoints" (list (dict "endpoint" (dict "address" (dict "socket_address" (dict "address" (printf "%s.%s.svc.%s" $name $root.Release.Namespace $root.Values.clusterDomain) "port_value" 80))))))))) }}
{{- end }}{{ end -}}
{{- $origins := list }}{{ range .Values.gateway.cors.origins }}{{ $origins = append $origins (ternary (dict "prefix" "") (dict "exact" .) (eq . "*")) }}{{ end -}}
{{- $domains := ternary .Values.gateway.hosts (append .Values.gateway.hosts (include "cift.inside" .) | uniq) (has "*" .Values.gateway.hosts) -}}
{{- $host := dict "name" "exchange" "domains" $domains "routes" $routes -}}
{{- if $origins }}{{ $_ := set $host "typed_per_filter_config" (dict "envoy.filters.http.cors" (dict "@type" "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy" "allow_origin_string_match" $origins "allow_methods" "GET, POST, PUT, PATCH, DELETE" "allow_headers" "authorization, x-api-key, apca-api-key-id, apca-api-secret-key, content-type, idempotency-key, x-request-id, traceparent" "expose_headers" "x-request-id, traceparent, retry-after, x-cift-origin" "max_age" "600")) }}{{ end -}}
{{- /* Envoy reloads certificates from files only if it has a node id. */}}
node: {id: {{ .Release.Name }}-gateway, cluster: {{ .Release.Name }}}
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 9901}}}
static_resources:
  listeners:
    - name: exchange
      address: {socket_address: {address: 0.0.0.0, port_value: 8080}}
      per_connection_buffer_limit_bytes: 1048576
      filter_chains:
        - {{ if .Values.gateway.tls.secretName }}transport_socket:
            name: envoy.transport_sockets.tls
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
              common_tls_context:
                alpn_protocols: [h2, http/1.1]
                tls_params: {tls_minimum_protocol_version: TLSv1_2}
                tls_certificate_sds_secret_configs:
                  - name: gateway
                    sds_config: {path_config_source: {path: /config/tls.yaml, watched_directory: {path: /tls}}}
          {{ end }}filters:
            - name: http
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: exchange
                use_remote_address: true
                xff_num_trusted_hops: {{ .Values.gateway.trustedProxies }}
                generate_request_id: true
                preserve_external_request_id: true
                # Forward paths unchanged, so that functions behave here as on one machine. That is safe: functions
                # check access themselves, never by path, and a path without a route gets 404 here.
                normalize_path: false
                path_with_escaped_slashes_action: KEEP_UNCHANGED
                server_header_transformation: PASS_THROUGH
                request_headers_timeout: 10s
                request_timeout: 60s
                stream_idle_timeout: 300s
                common_http_protocol_options: {idle_timeout: 120s, headers_with_underscores_action: REJECT_REQUEST}
                http_filters:
                  {{- if $origins }}
                  - name: envoy.filters.http.cors
                    typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors}
                  {{- end }}
                  - name: envoy.filters.http.compressor
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.compressor.v3.Compressor
                      response_direction_config:
                        common_config: {min_content_length: 1024}
                      compressor_library:
                        name: gzip
                        typed_config: {"@type": type.googleapis.com/envoy.extensions.compression.gzip.compressor.v3.Gzip}
                  - name: envoy.filters.http.lua
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
                      default_source_code: {filename: /config/errors.lua}
                  - name: envoy.filters.http.buffer
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer
                      max_request_bytes: {{ .Values.gateway.bodyBytesMax | int }}
                  - name: envoy.filters.http.router
                    typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
                route_config:
                  name: exchange
                  # The largest page that the gateway serves itself is a script of 1.5 MB.
                  max_direct_response_body_size_bytes: 4194304
                  request_headers_to_add:
                    # Rate limits count by this address, so a value from the caller is overwritten.
                    - {header: {key: x-cift-client, value: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}
                  virtual_hosts: {{ list $host | toJson }}
    - name: health
      address: {socket_address: {address: 0.0.0.0, port_value: 8081}}
      filter_chains:
        - filters:
            - name: http
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: health
                http_filters:
                  - name: envoy.filters.http.router
                    typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
                route_config:
                  virtual_hosts:
                    - name: health
                      domains: ["*"]
                      routes:
                        - {match: {path: /health}, direct_response: {status: 200, body: {inline_string: "ok\n"}}}
                        - {match: {path: /metrics}, route: {cluster: admin, prefix_rewrite: /stats/prometheus}}
  clusters: {{ append $clusters (dict "name" "admin" "type" "STATIC" "connect_timeout" "1s" "load_assignment" (dict "cluster_name" "admin" "endpoints" (list (dict "lb_endpoints" (list (dict "endpoint" (dict "address" (dict "socket_address" (dict "address" "127.0.0.1" "port_value" 9901))))))))) | toJson }}
{{- end }}
