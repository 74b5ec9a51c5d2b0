/** Commands that show how a program gets in with a token. */

/** A command of curl that does what the scopes allow, the handiest first. */
export function curl(origin: string, secret: string, scopes: readonly string[]): string {
  const send = `curl --cacert piccolo.pem -H 'Authorization: Bearer ${secret}'`;
  const may = (scope: string) => scopes.includes(scope) || scopes.includes("admin");
  if (may("read")) return `${send} ${origin}/api/v1/directories/`;
  if (may("write")) return `${send} -T photo.jpg ${origin}/api/v1/files/photo.jpg`;
  if (may("metrics")) return `${send} ${origin}/metrics`;
  return `${send} ${origin}/api/v1/operations`;
}

/** A command of rclone, for what can read files. */
export function rclone(origin: string, secret: string): string {
  return `rclone lsd --ca-cert piccolo.pem --webdav-url ${origin}/dav --webdav-bearer-token ${secret} :webdav:`;
}
