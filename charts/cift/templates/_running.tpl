{{/* A Kubernetes quantity in bytes. The API server returns 2048Mi as 2Gi. */}}
{{- define "cift.bytes" -}}
{{- $unit := regexFind "[A-Za-z]+$" . -}}
{{- $factors := dict "" 1.0 "m" 1e-3 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "Pi" 1125899906842624.0 "Ei" 1152921504606846976.0 -}}
{{- printf "%.0f" (mulf (float64 (trimSuffix $unit .)) (index $factors $unit)) -}}
{{- end }}

{{/* Fails if the values would change a store of the running release in a way that loses its data. `lookup` reads the
cluster, and finds nothing in `helm template`. matchd refuses another journal than its own in any case. */}}
{{- define "cift.checkRunning" -}}
{{- if not .Values.allowStoreChanges -}}
{{- $root := . -}}
{{- $how := "Make a backup, uninstall, delete the volumes and restore it (k8s/README.md, Backup and restore), or set allowStoreChanges if you move the data yourself." -}}
{{- range $store := list "postgres" "nats" "clickhouse" -}}
{{- $values := index $root.Values $store -}}
{{- $name := printf "%s-%s" $root.Release.Name $store -}}
{{- $set := lookup "apps/v1" "StatefulSet" $root.Release.Namespace $name -}}
{{- if $set -}}
{{- if and (not $values.enabled) (ne $store "clickhouse") -}}
{{ fail (printf "%s.enabled is true in the running release: without it the release would lose what is stored there. %s" $store $how) }}
{{- end -}}
{{- if $values.enabled -}}
{{- $claim := (first $set.spec.volumeClaimTemplates).spec -}}
{{- $size := $claim.resources.requests.storage -}}
{{- if ne (include "cift.bytes" $size) (include "cift.bytes" (toString $values.storage.size)) -}}
{{ fail (printf "%s.storage.size is %s in the running release and %s in the values: Kubernetes cannot change it here. Resize the volume claims data-%s-* if their class allows it, and keep the value; otherwise: %s" $store $size $values.storage.size $name $how) }}
{{- end -}}
{{- if and $values.storage.className (ne $values.storage.className ($claim.storageClassName | default "")) -}}
{{ fail (printf "%s.storage.className is %q in the running release and %q in the values: the volumes would not move. %s" $store ($claim.storageClassName | default "") $values.storage.className $how) }}
{{- end -}}
{{- $service := lookup "v1" "Service" $root.Release.Namespace $name -}}
{{- if and $service (ne (int (first $service.spec.ports).port) (int $values.port)) -}}
{{ fail (printf "%s.port is %d in the running release and %d in the values: the Secret %s holds the old address. Keep the port, or delete the Secret's stores too. %s" $store (int (first $service.spec.ports).port) (int $values.port) $name $how) }}
{{- end -}}
{{- if and (eq $store "nats") (ne (int $set.spec.replicas) (int $values.replicas)) -}}
{{ fail (printf "nats.replicas is %d in the running release and %d in the values: the new servers would begin an empty journal. %s" (int $set.spec.replicas) (int $values.replicas) $how) }}
{{- end -}}
{{- end -}}
{{- else if and $values.enabled (eq $store "nats") -}}
{{- /* Volumes of an uninstalled release. */ -}}
{{- $first := lookup "v1" "PersistentVolumeClaim" $root.Release.Namespace (printf "data-%s-0" $name) -}}
{{- $last := lookup "v1" "PersistentVolumeClaim" $root.Release.Namespace (printf "data-%s-2" $name) -}}
{{- if $first -}}
{{- $before := ternary 3 1 (not (empty $last)) -}}
{{- if ne $before (int $values.replicas) -}}
{{ fail (printf "nats.replicas is %d in the values, but the volumes data-%s-* are of %d: the new servers would begin an empty journal. %s" (int $values.replicas) $name $before $how) }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
