/**
 * Draws the add-on's icons: the evening star above the horizon.
 *
 *     node dist/scripts/splunk/icons.js     writes config/splunk/TA-vesper/static/*.png
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ADD_ON_FOLDER } from './package.ts';
import { png } from './png.ts';

type Color = readonly [red: number, green: number, blue: number, alpha: number];

const TRANSPARENT: Color = [0, 0, 0, 0];
const NIGHT: Color = [22, 27, 66, 1];
const DUSK: Color = [126, 62, 112, 1];
const GROUND: Color = [13, 15, 38, 1];
const STAR: Color = [255, 244, 214, 1];
const WHITE: Color = [255, 255, 255, 1];

const CORNER = 0.2;
const HORIZON = 0.78;
/** Edges are smoothed by so many samples each way. */
const SAMPLES = 8;

const mix = (a: Color, b: Color, share: number): Color => [
  a[0] + (b[0] - a[0]) * share,
  a[1] + (b[1] - a[1]) * share,
  a[2] + (b[2] - a[2]) * share,
  1,
];

/** Four points: an astroid, |x|^p + |y|^p < r^p. */
function inStar(x: number, y: number, centerY: number, radius: number): boolean {
  const power = 0.55;
  return Math.abs(x - 0.5) ** power + Math.abs(y - centerY) ** power < radius ** power;
}

/** Within the unit square with round corners. */
function inTile(x: number, y: number): boolean {
  const dx = Math.max(CORNER - x, x - (1 - CORNER), 0);
  const dy = Math.max(CORNER - y, y - (1 - CORNER), 0);
  return dx * dx + dy * dy < CORNER * CORNER;
}

/** For light pages. */
function tile(x: number, y: number): Color {
  if (!inTile(x, y)) return TRANSPARENT;
  if (inStar(x, y, 0.42, 0.36)) return STAR;
  return y > HORIZON ? GROUND : mix(NIGHT, DUSK, (y / HORIZON) ** 2);
}

/** For colored bars. */
function outline(x: number, y: number): Color {
  const star = inStar(x, y, 0.42, 0.4);
  const horizon = y > 0.84 && y < 0.92 && x > 0.1 && x < 0.9;
  return star || horizon ? WHITE : TRANSPARENT;
}

function draw(size: number, colorAt: (x: number, y: number) => Color): Uint8Array {
  const pixels = new Uint8Array(size * size * 4);
  for (let at = 0; at < size * size; at++) {
    const sum = [0, 0, 0, 0];
    for (let sample = 0; sample < SAMPLES * SAMPLES; sample++) {
      const x = ((at % size) + ((sample % SAMPLES) + 0.5) / SAMPLES) / size;
      const y = (Math.floor(at / size) + (Math.floor(sample / SAMPLES) + 0.5) / SAMPLES) / size;
      const [red, green, blue, alpha] = colorAt(x, y);
      sum[0]! += red * alpha;
      sum[1]! += green * alpha;
      sum[2]! += blue * alpha;
      sum[3]! += alpha;
    }
    const covered = sum[3]!;
    if (covered === 0) continue;
    for (let channel = 0; channel < 3; channel++) pixels[at * 4 + channel] = Math.round(sum[channel]! / covered);
    pixels[at * 4 + 3] = Math.round((covered / SAMPLES ** 2) * 255);
  }
  return pixels;
}

/** By file name; Splunk asks for these sizes. */
export const ICONS: ReadonlyMap<string, () => Buffer> = new Map([
  ['appIcon.png', () => png(36, draw(36, tile))],
  ['appIcon_2x.png', () => png(72, draw(72, tile))],
  ['appIconAlt.png', () => png(36, draw(36, outline))],
  ['appIconAlt_2x.png', () => png(72, draw(72, outline))],
]);

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const folder = join(ADD_ON_FOLDER, 'static');
  mkdirSync(folder, { recursive: true });
  for (const [name, make] of ICONS) writeFileSync(join(folder, name), make());
}
