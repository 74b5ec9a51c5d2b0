/** Pictures that the device draws, as an address for `<img>`: what is shown so runs nothing. */

const NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"';

/** The address of an SVG document, also of one that was drawn to stand inside a page. */
export function picture(svg: string): string {
  const whole = svg.includes(NAMESPACE) ? svg : svg.replace("<svg", `<svg ${NAMESPACE}`);
  return `data:image/svg+xml,${encodeURIComponent(whole)}`;
}
