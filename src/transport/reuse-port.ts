/**
 * Whether several listeners of one process can share a port on this Node. Asked by the listener, and by config/ before a start; a file of
 * its own, because config/ does without the rest of transport.
 */

/** Node passes SO_REUSEPORT on since 22.12 and 23.1. */
export function isReusePortSupported(version: string = process.versions.node): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
}
