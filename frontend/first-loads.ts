/* first-loads.ts - counts what opening each page loads, and fails the build over the limit.
 *
 * A page is a chunk that the entry imports when it is wanted. Opening it by its address loads
 * index.html, the entry, the page and all that these import at once; counted as gzip sends it.
 */
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";

interface Chunk {
  type: "chunk";
  code: string;
  isEntry: boolean;
  imports: string[];
  dynamicImports: string[];
}

type Bundle = Record<string, Chunk | { type: "asset"; source: string | Uint8Array }>;

function gathered(bundle: Bundle, file: string, found = new Set<string>()): Set<string> {
  const chunk = bundle[file];
  if (found.has(file) || chunk?.type !== "chunk") return found;
  found.add(file);
  for (const one of chunk.imports) gathered(bundle, one, found);
  return found;
}

/* Bytes for each page; "" is the one that the entry has in itself. */
export function sizesOf(bundle: Bundle): Map<string, number> {
  const zipped = (file: string) => {
    const part = bundle[file];
    if (part === undefined) return 0;
    return gzipSync(part.type === "chunk" ? part.code : part.source).length;
  };
  // Styles cannot be told apart by page: all of them count everywhere.
  const always = Object.keys(bundle).filter((file) => /\.(html|css)$/.test(file));
  const sizes = new Map<string, number>();
  for (const [entry, chunk] of Object.entries(bundle)) {
    if (chunk.type !== "chunk" || !chunk.isEntry) continue;
    for (const page of ["", ...chunk.dynamicImports]) {
      const files = gathered(bundle, page, gathered(bundle, entry));
      const bytes = [...files, ...always].reduce((sum, file) => sum + zipped(file), 0);
      sizes.set(page, bytes);
    }
  }
  return sizes;
}

export function firstLoads({ limit }: { limit: number }): Plugin {
  return {
    name: "first-loads",
    apply: "build",
    enforce: "post",
    writeBundle(_options, bundle) {
      const sizes = sizesOf(bundle);
      if (sizes.size < 2) this.error("no page was found to be counted");
      for (const [page, bytes] of sizes) {
        const text = `${page === "" ? "the first page" : page} loads ${bytes} bytes`;
        if (bytes > limit) this.error(`${text}, more than ${limit}`);
        this.info(text);
      }
    },
  };
}
