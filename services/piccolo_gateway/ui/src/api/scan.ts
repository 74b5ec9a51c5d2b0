/** QR codes by the camera, where the browser itself reads them (Shape Detection API). */

interface Detector {
  detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}
interface DetectorMaker {
  new (options: { formats: string[] }): Detector;
  getSupportedFormats(): Promise<string[]>;
}

const FORMAT = "qr_code";
const PAUSE = 200;

function maker(): DetectorMaker | undefined {
  return (globalThis as { BarcodeDetector?: DetectorMaker }).BarcodeDetector;
}

/** Whether this browser can read QR codes with a camera. */
export async function scans(): Promise<boolean> {
  const made = maker();
  if (!made || !navigator.mediaDevices) return false;
  try {
    return (await made.getSupportedFormats()).includes(FORMAT);
  } catch {
    return false;
  }
}

/** Shows the camera in a video and hands each text that is read to `heard`, until the signal ends it. */
export async function scan(video: HTMLVideoElement, heard: (text: string) => void, end: AbortSignal) {
  const made = maker();
  if (!made) return;
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  const stop = () => stream.getTracks().forEach((track) => track.stop());
  if (end.aborted) return stop();
  end.addEventListener("abort", stop);
  video.srcObject = stream;
  await video.play();
  const detector = new made({ formats: [FORMAT] });
  while (!end.aborted) {
    for (const { rawValue } of await detector.detect(video)) if (!end.aborted) heard(rawValue);
    await new Promise((go) => setTimeout(go, PAUSE));
  }
}
