/**
 * Real peers for the tests: where `npm run services` puts what it downloads and builds, and what it puts there. The
 * folder is `.cache/services`, or what `VESPER_SERVICES` names.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../support/shared.ts';

export const KAFKA_VERSIONS = ['3.9.1', '4.3.1'] as const;
export type KafkaVersion = (typeof KAFKA_VERSIONS)[number];

export const SERVICES = process.env.VESPER_SERVICES ?? join(PROJECT, '.cache', 'services');

/** Folder of all jars of a version, the command line tools among them. */
export const kafkaFolder = (version: KafkaVersion): string => join(SERVICES, `kafka-${version}`);

/** The program that test/services/collector builds; its name tells of which modules. */
export const COLLECTOR = join(SERVICES, `collector-${digest('test/services/collector/go.sum')}`);

function digest(file: string): string {
  return createHash('sha256')
    .update(readFileSync(join(PROJECT, file)))
    .digest('hex')
    .slice(0, 12);
}

/** `host:port,…` of Kafka brokers that run already. */
export const KAFKA_AT = process.env.VESPER_TEST_KAFKA;

/**
 * `otlpPort,hecPort,file` of a collector that runs already on this machine: its receivers' ports, and the file that its
 * file exporter appends to.
 */
export const COLLECTOR_AT = process.env.VESPER_TEST_OTLP;

export type Service = 'kafka' | 'collector';

/** For a test's `skip` option: false when the service can be started here, else the reason. Throws where it is required. */
export function skipWithoutService(...services: readonly Service[]): string | false {
  for (const service of services) {
    if (service === 'collector' && COLLECTOR_AT !== undefined) continue;
    // What is in a topic is read by Kafka's own consumer, wherever the brokers run.
    const files = service === 'kafka' ? KAFKA_VERSIONS.map(kafkaFolder) : [COLLECTOR];
    if (files.every((file) => existsSync(file))) continue;
    const reason = `${service} is missing: npm run services downloads or builds it`;
    if ((process.env.VESPER_REQUIRE ?? '').split(',').includes(service)) throw new Error(reason);
    return reason;
  }
  return false;
}
