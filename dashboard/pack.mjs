// Compresses the text files of dist/ (`<name>.gz` replaces `<name>`), as cift/dashboard/files.py serves them, and adds
// the licences of what the files contain.
import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const TEXT = /\.(js|css|svg|html)$/;
const folder = new URL("dist", import.meta.url).pathname;
const notices = ["solid-js", "@tanstack/solid-query", "openapi-fetch", "lightweight-charts", "@fontsource-variable/inter"];

const text = notices.map((name) => {
  const at = new URL(`node_modules/${name}/`, import.meta.url).pathname;
  const { version, license } = JSON.parse(readFileSync(join(at, "package.json"), "utf8"));
  const files = readdirSync(at).filter((file) => /^(licen[cs]e|notice)/i.test(file)).sort();
  return [`${name} ${version} (${license})`, ...files.map((file) => readFileSync(join(at, file), "utf8").trim())].join("\n\n");
});
text.push("TradingView Lightweight Charts™, Copyright © 2025 TradingView, Inc. https://www.tradingview.com/");
writeFileSync(join(folder, "assets", "licences.txt"), `${text.join(`\n\n${"-".repeat(72)}\n\n`)}\n`);

let total = 0;
let script = 0;
for (const entry of readdirSync(folder, { recursive: true }).sort()) {
  const path = join(folder, entry);
  if (!statSync(path).isFile()) continue;
  if (TEXT.test(path) || path.endsWith(".txt")) {
    const packed = gzipSync(readFileSync(path), { level: 9 });
    rmSync(path);
    writeFileSync(`${path}.gz`, packed);
    total += packed.length;
    if (path.endsWith(".js")) script += packed.length;
  } else {
    total += statSync(path).size;
  }
}
console.log(`dist: ${(total / 1000).toFixed(0)} kB, of which JavaScript ${(script / 1000).toFixed(0)} kB (gzip)`);
