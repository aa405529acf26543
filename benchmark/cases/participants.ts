import type { Host, Participant, Task } from '../case.js';

/** Which host a method runs in; everything else is a peer in Python. */
const HOSTS: Readonly<Record<string, Host>> = {
  core: 'core',
  naive: 'core',
  fullMatrix: 'core',
  binding: 'addon',
  facade: 'addon',
  javascript: 'addon',
  previous: 'previous',
};

/** Makes participants of one computation: `as('numpy')`, `as('core', { threads: 2 })`. */
export function participantsOf(task: Omit<Task, 'method' | 'threads'>, common: Partial<Participant> = {}) {
  return (
    method: string,
    { threads = 1, id, ...own }: Partial<Participant> & { readonly threads?: number; readonly task?: Task } = {},
  ): Participant => ({
    id: id ?? (threads === 1 ? method : `${method}, ${threads} threads`),
    host: HOSTS[method] ?? 'peers',
    ...common,
    ...own,
    // The release before is measured as its users call it.
    task: { ...task, ...own.task, method: method === 'previous' ? 'facade' : method, threads } as Task,
  });
}
