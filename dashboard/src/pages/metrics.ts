export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** The samples of a Prometheus text exposition. */
export function gauges(exposition: string): Sample[] {
  const found: Sample[] = [];
  for (const line of exposition.split("\n")) {
    const parts = /^([a-z_]+)(?:\{([^}]*)\})? (\S+)$/.exec(line);
    if (!parts) continue;
    const labels = Object.fromEntries(
      [...(parts[2] ?? "").matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name!, value!]),
    );
    found.push({ name: parts[1]!, labels, value: Number(parts[3]) });
  }
  return found;
}
