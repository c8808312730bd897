// Builds styles, scripts and fonts into static/dist, with their content's hash
// in the name, .br and .gz beside them, and manifest.json from plain names to
// hashed ones. Run by `make assets` (npm run build).
//
// Nothing is listed here. By convention:
//   <face>/<face>.scss|.ts          loaded on every page of a face (site, studio, newsroom)
//   <face>/<page>/<page>.scss|.ts   loaded on that page only, by itself
//   <face>/<page>/<name>.worker.ts  a worker, which its page starts by its address
//   styles/                         on the load path: @use "tools" as *;
//   parts/_*.scss                   styles of parts, gathered by styles/_parts.scss
//   scripts/                        modules for several pages: import … from "../../scripts/…"
// Code shared by scripts is split off into files of its own. Dynamic imports
// are loaded when they run.
import { createHash } from "node:crypto";
import { existsSync, watch } from "node:fs";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import * as esbuild from "esbuild";
import * as sass from "sass";

const here = dirname(fileURLToPath(import.meta.url));
const dist = resolve(here, "../static/dist");
const faces = ["site", "studio", "newsroom"];
const fonts = [400, 600, 700];
const print = { 400: "regular", 700: 700 }; // what the portal itself draws and prints with

/** The styles or scripts of faces and pages, by their name in the manifest. */
async function entries(extension) {
  const found = [];
  for (const face of faces) {
    found.push(`${face}/${face}`);
    for (const folder of await readdir(join(here, face), { withFileTypes: true })) {
      if (!folder.isDirectory()) continue;
      found.push(`${face}/${folder.name}/${folder.name}`);
      for (const file of await readdir(join(here, face, folder.name))) {
        if (file.endsWith(".worker" + extension)) found.push(`${face}/${folder.name}/${basename(file, extension)}`);
      }
    }
  }
  return found.filter((name) => existsSync(join(here, name + extension)));
}

/** site/home/home → site/home, as pages are called in Go; a worker keeps its whole name. */
const pageName = (entry) => (entry.split("/").length === 3 && !entry.endsWith(".worker") ? dirname(entry) : entry);

const hash = (content) => createHash("sha256").update(content).digest("hex").slice(0, 10);

async function build() {
  const files = new Map(); // path under dist → content
  const manifest = {};

  const keep = (name, content) => {
    const extension = extname(name);
    const hashed = `${name.slice(0, -extension.length)}-${hash(content)}${extension}`;
    files.set(hashed, content);
    manifest[name] = hashed;
    return hashed;
  };

  for (const weight of fonts) {
    const file = `@fontsource/titillium-web/files/titillium-web-latin-${weight}-normal.woff2`;
    keep(`fonts/titillium-web-${weight}.woff2`, await readFile(join(here, "node_modules", file)));
  }

  for (const [weight, called] of Object.entries(print)) {
    const file = `bootstrap-italia/src/fonts/Titillium_Web/titillium-web-v10-latin-ext_latin-${called}.ttf`;
    files.set(`print/titillium-web-${weight}.ttf`, await readFile(join(here, "node_modules", file)));
  }

  for (const entry of await entries(".scss")) {
    const { css } = sass.compile(join(here, `${entry}.scss`), {
      loadPaths: [join(here, "styles"), join(here, "node_modules")],
      style: "compressed",
      quietDeps: true,
      silenceDeprecations: ["import"],
    });
    keep(`${pageName(entry)}.css`, Buffer.from((await minify(withoutData(named(css, manifest), keep))).trimEnd()));
  }

  const scripts = await entries(".ts");
  if (scripts.length > 0) {
    const { outputFiles } = await esbuild.build({
      absWorkingDir: here,
      entryPoints: scripts.map((entry) => ({ in: `${entry}.ts`, out: pageName(entry) })),
      outdir: dist,
      entryNames: "[dir]/[name]-[hash]",
      chunkNames: "shared/[name]-[hash]",
      bundle: true,
      splitting: true,
      format: "esm",
      target: ["es2022"],
      minify: true,
      legalComments: "none",
      write: false,
    });
    for (const { path, contents } of outputFiles) {
      if (contents.length === 0) continue;
      const name = path.slice(dist.length + 1);
      files.set(name, Buffer.from(contents));
      if (!name.startsWith("shared/")) manifest[name.replace(/-[A-Z0-9]{8}\.js$/, ".js")] = name;
    }
  }

  files.set("manifest.json", Buffer.from(JSON.stringify(manifest, Object.keys(manifest).sort(), 2) + "\n"));
  await write(files);
  return files;
}

/** asset("fonts/x.woff2") in styles is the address of that file. */
function named(css, manifest) {
  return css.replace(/asset\("([^"]+)"\)/g, (_, name) => {
    if (!manifest[name]) throw new Error(`styles name an asset that is not there: ${name}`);
    return `url("/static/dist/${manifest[name]}")`;
  });
}

/** The content policy allows no data: addresses, so pictures inside styles become files. */
function withoutData(css, keep) {
  return css.replace(/url\((["']?)data:image\/svg\+xml(;base64)?,(.*?)\1\)/g, (_, quote, base64, data) => {
    const svg = base64 ? Buffer.from(data, "base64") : Buffer.from(decodeURIComponent(data.replace(/%(?![0-9a-f]{2})/gi, "%25")));
    return `url("/static/dist/${keep("pictures/in-styles.svg", svg)}")`;
  });
}

async function minify(css) {
  const { code } = await esbuild.transform(css, { loader: "css", minify: true, target: ["chrome109", "firefox115", "safari15"], legalComments: "none" });
  return code;
}

async function write(files) {
  await mkdir(dist, { recursive: true });
  for (const name of await readdir(dist)) {
    if (name !== ".gitkeep") await rm(join(dist, name), { recursive: true });
  }
  for (const [name, content] of files) {
    const path = join(dist, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    if (!/\.(css|js|svg)$/.test(name)) continue;
    await writeFile(`${path}.br`, await promisify(brotliCompress)(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
    await writeFile(`${path}.gz`, await promisify(gzip)(content, { level: 9 }));
  }
}

await build();

if (process.argv.includes("--watch")) {
  let waiting;
  console.log("watching; the portal shows the changes when it is built again");
  watch(here, { recursive: true }, (_, name) => {
    if (!name || name.includes("node_modules") || !/\.(scss|ts)$/.test(basename(name))) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => build().then(() => console.log("built"), console.error), 100);
  });
}
