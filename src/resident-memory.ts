/** How much memory this process has. */

/** Resident bytes now; where there is no /proc to ask (a chroot), the most that there ever were. */
export function residentBytes(): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    // In KiB, getrusage(2).
    return process.resourceUsage().maxRSS * 1024;
  }
}
