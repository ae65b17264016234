/**
 * Lists of code points, of which clients offer the same few over and over: equal lists are one array where an earlier one
 * is still kept. That saves most of the memory that hellos cost, and lets what is made of a list be kept by its identity.
 */

/** A network has a few hundred different lists. Whoever makes lists up only takes the places of others. */
const PLACES = 1_024;
/** Browsers offer about 16 suites, OpenSSL up to 80; all places together are 1 MB at most. */
export const MAX_SHARED_LENGTH = 128;

const NONE: readonly number[] = [];
const kept = new Array<readonly number[]>(PLACES).fill(NONE);

/** The `count` 16-bit values at `position`, which the caller knows to be there. Nobody may change the list. */
export function listAt(view: DataView, position: number, count: number): readonly number[] {
  if (count === 0) return NONE;
  if (count > MAX_SHARED_LENGTH) return newListAt(view, position, count);
  let hash = count;
  for (let i = 0; i < count; i++) hash = mix(hash, view.getUint16(position + 2 * i));
  const place = hash >>> 22;
  const list = kept[place]!;
  if (isListAt(list, view, position, count)) return list;
  const made = newListAt(view, position, count);
  kept[place] = made;
  return made;
}

/** An equal list that is kept, or this one, which is kept from now on and which nobody may change. */
export function shared(values: readonly number[]): readonly number[] {
  const count = values.length;
  if (count === 0) return NONE;
  if (count > MAX_SHARED_LENGTH) return values;
  let hash = count;
  for (let i = 0; i < count; i++) hash = mix(hash, values[i]!);
  const place = hash >>> 22;
  const list = kept[place]!;
  if (isEqual(list, values)) return list;
  kept[place] = values;
  return values;
}

/** Fibonacci hashing: the upper bits of a product with 2^32 / φ are the well mixed ones. */
function mix(hash: number, value: number): number {
  return Math.imul(hash ^ value, 0x9e3779b1);
}

export function isEqual(list: readonly number[], values: readonly number[]): boolean {
  if (list.length !== values.length) return false;
  for (let i = 0; i < values.length; i++) if (list[i] !== values[i]) return false;
  return true;
}

function isListAt(list: readonly number[], view: DataView, position: number, count: number): boolean {
  if (list.length !== count) return false;
  for (let i = 0; i < count; i++) if (list[i] !== view.getUint16(position + 2 * i)) return false;
  return true;
}

function newListAt(view: DataView, position: number, count: number): readonly number[] {
  const list = new Array<number>(count);
  for (let i = 0; i < count; i++) list[i] = view.getUint16(position + 2 * i);
  return list;
}

/** What `make` makes of a list, kept as long as the list itself: for lists that are shared. */
export function perList<T>(make: (list: readonly number[]) => T): (list: readonly number[]) => T {
  const made = new WeakMap<readonly number[], { readonly value: T }>();
  return (list) => {
    const known = made.get(list);
    if (known !== undefined) return known.value;
    const value = make(list);
    made.set(list, { value });
    return value;
  };
}
