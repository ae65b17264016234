/** Field numbers of the messages of opentelemetry-proto's `common/v1` that hold values. */
export const KEY_VALUE = { key: 1, value: 2 };
export const ANY_VALUE = { text: 1, bool: 2, int: 3, double: 4, array: 5, map: 6 };
