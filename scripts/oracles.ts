/**
 * Compares the corpus with the rows of nDPI, Arkime, Zeek and Suricata, and prints the report and every difference.
 *
 *     node dist/scripts/oracles.js [PART OF A FILE NAME]
 */
import { compareOracles } from '../test/corpus/oracles/compare.ts';
import { oracleReport } from '../test/corpus/oracles/report.ts';
import { sharedFolder } from '../test/support/shared.ts';

const corpus = sharedFolder('corpus');
if (!corpus) throw new Error('the corpus is missing: set VESPER_CORPUS');
const result = await compareOracles(corpus, process.argv[2]);
for (const line of result.refused) console.log(line);
for (const { file, source, field, what } of result.differences) console.log(file, source, field, what);
console.log(oracleReport(result));
