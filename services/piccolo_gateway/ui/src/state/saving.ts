/** Text that the page has made, handed to the browser as a download. */

const KEPT = 1000;

export function saveAs(name: string, media: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: media }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT);
}
