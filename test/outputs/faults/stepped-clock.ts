/** Loaded before a program (`--import`): the wall clock jumps by up to a year, back and forth, while the program runs. */
const YEAR_MS = 31_622_400_000;
const STEP_INTERVAL_MS = 20;

const trueNow = Date.now.bind(Date);
let offset = 0;
Date.now = () => trueNow() + offset;
setInterval(() => {
  offset = (Math.random() * 2 - 1) * YEAR_MS;
}, STEP_INTERVAL_MS).unref();
