// Builds `openpanel_dashboard/static` and its manifest: scripts, one style sheet, the icon sprite, flags, the font.
// Names carry a hash of the content, so that everything under /static may be cached for ever; text files get a
// gzip twin that the server sends instead. With --watch everything is built again when a source changes.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, watch, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { constants, gzipSync } from "node:zlib";

import { build } from "esbuild";

import { DRAWN, ICONS, MARKS } from "./icons.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const templates = join(here, "../openpanel_dashboard/templates");
const target = join(here, "../openpanel_dashboard/static");
const require = createRequire(import.meta.url);
const ENTRIES = ["main", "chart", "palette"];

async function everything() {
  const folder = `${target}.new`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "flags"), { recursive: true });
  const manifest = { ...(await scripts(folder)), ...fonts(folder), ...sprite(folder), ...flags(folder) };
  manifest["logo.svg"] = put(folder, "logo.svg", readFileSync(join(here, "src/logo.svg")));
  manifest["app.css"] = styles(folder, manifest);
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest, null, 1));
  compress(folder);
  rmSync(target, { recursive: true, force: true });
  renameSync(folder, target);
}

async function scripts(folder) {
  const result = await build({
    entryPoints: ENTRIES.map((name) => join(here, `src/${name}.ts`)),
    outdir: folder,
    entryNames: "[name]-[hash]",
    chunkNames: "chunk-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    minify: true,
    metafile: true,
    legalComments: "none",
    logLevel: "warning",
  });
  const manifest = {};
  for (const [path, output] of Object.entries(result.metafile.outputs)) {
    if (output.entryPoint) manifest[basename(output.entryPoint).replace(/\.ts$/, ".js")] = basename(path);
  }
  return manifest;
}

function styles(folder, manifest) {
  const written = join(tmpdir(), `dashboard-${process.pid}.css`);
  const program = require.resolve("@tailwindcss/cli/package.json").replace("package.json", "dist/index.mjs");
  const run = spawnSync(process.execPath, [program, "-i", join(here, "src/styles/app.css"), "-o", written, "--minify"], {
    cwd: here,
    encoding: "utf8",
  });
  if (run.status !== 0) throw new Error(run.stderr);
  const text = readFileSync(written, "utf8").replaceAll("inter-latin.woff2", manifest["inter-latin.woff2"]);
  rmSync(written);
  return put(folder, "app.css", text);
}

function fonts(folder) {
  const file = require.resolve("@fontsource-variable/inter/files/inter-latin-wght-normal.woff2");
  return { "inter-latin.woff2": put(folder, "inter-latin.woff2", readFileSync(file)) };
}

// One sprite of the icons that templates name. Strokes are Lucide's, marks of browsers and systems are simple-icons'.
function sprite(folder) {
  const strokes = ICONS.map((name) => {
    const svg = readFileSync(require.resolve(`lucide-static/icons/${name}.svg`), "utf8");
    return symbol(name, svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>")));
  });
  const icons = require("simple-icons");
  const marks = MARKS.map((name) => {
    const mark = icons[`si${name[0].toUpperCase()}${name.slice(1)}`];
    if (!mark) throw new Error(`simple-icons has no ${name}`);
    return symbol(`mark-${name}`, `<path d="${mark.path}"/>`);
  });
  const drawn = Object.entries(DRAWN).map(([name, inner]) => symbol(`mark-${name}`, inner));
  const text = `<svg xmlns="http://www.w3.org/2000/svg">${[...strokes, ...marks, ...drawn].join("")}</svg>`;
  return { "icons.svg": put(folder, "icons.svg", text) };
}

function symbol(id, inner) {
  return `<symbol id="${id}" viewBox="0 0 24 24">${inner.replace(/\s*\n\s*/g, "")}</symbol>`;
}

// Flags keep their names: the country code is all a template knows, and the manifest's entry busts the cache.
function flags(folder) {
  const source = join(require.resolve("flag-icons/package.json"), "../flags/4x3");
  const hash = createHash("sha256");
  for (const name of readdirSync(source).filter((file) => /^[a-z]{2}\.svg$/.test(file)).sort()) {
    const text = readFileSync(join(source, name));
    hash.update(text);
    writeFileSync(join(folder, "flags", name), text);
  }
  return { flags: hash.digest("hex").slice(0, 8) };
}

function put(folder, name, content) {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 8).toUpperCase();
  const hashed = `${basename(name, extname(name))}-${hash}${extname(name)}`;
  writeFileSync(join(folder, hashed), content);
  return hashed;
}

function compress(folder) {
  for (const entry of readdirSync(folder, { recursive: true })) {
    if (!/\.(js|css|svg)$/.test(entry)) continue;
    const file = join(folder, entry);
    const small = gzipSync(readFileSync(file), { level: constants.Z_BEST_COMPRESSION });
    writeFileSync(`${file}.gz`, small);
  }
}

await everything();
if (process.argv.includes("--watch")) {
  let timer;
  const again = () => {
    clearTimeout(timer);
    timer = setTimeout(() => everything().then(() => console.log("built"), console.error), 150);
  };
  for (const folder of [join(here, "src"), templates].filter(existsSync)) watch(folder, { recursive: true }, again);
}
