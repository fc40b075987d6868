/* download.ts - hands a file that was made here to the browser. */

/* `name` without date and ending. */
export function downloadCsv(name: string, parts: string[]): void {
  const file = new Blob(parts, { type: "text/csv;charset=utf-8" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = `${name}-${new Date().toISOString().slice(0, 10)}.csv`;
  link.click();
  // The browser has to have begun before the file goes.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
