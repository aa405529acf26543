/** Exit codes of the command line; part of its contract. */
export const EXIT = {
  /** Done. */
  ok: 0,
  /** Failed: the message on stderr says why and what to do. */
  failed: 1,
  /** The command line or an option is wrong. */
  usage: 2,
  /** Done, but the choice is not clear (`--require-significant`) or worse than the baseline (`--fail-if-worse`). */
  notClear: 3,
  /** Interrupted from the keyboard (128 + SIGINT). */
  interrupted: 130,
  /** Whoever read its output stopped, as `head` does (128 + SIGPIPE). */
  unread: 141,
  /** Asked to end by the system or a scheduler (128 + SIGTERM). */
  terminated: 143,
} as const;
