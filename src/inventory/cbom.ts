/**
 * The inventory as a CycloneDX 1.6 cryptography bill of materials. Servers are services that depend on their protocols and
 * certificates, protocols on their algorithms. The library writes the document; it knows the component type
 * `cryptographic-asset`, but has no `cryptoProperties`, which are added as it normalizes.
 */
import { Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library';
import {
  type Algorithm,
  groupAlgorithm,
  signatureAlgorithm,
  suiteAlgorithm,
  suiteIdentifiers,
} from './crypto-assets.ts';
import type { ClientEntry, Inventory, ServerEntry } from './inventory.ts';
import { isoTime } from './json.ts';
import type { CertificateFacts } from './observation.ts';
import type { Counts, Usage } from './usage.ts';

class CryptoAsset extends Models.Component {
  /** As the specification has them: `assetType` and what belongs to it. */
  readonly cryptoProperties: object;

  constructor(name: string, bomRef: string, cryptoProperties: object) {
    super(Enums.ComponentType.CryptographicAsset, name, { bomRef });
    this.cryptoProperties = cryptoProperties;
  }
}

class AssetNormalizer extends Serialize.JSON.Normalize.ComponentNormalizer {
  override normalize(component: Models.Component, options: Serialize.Types.NormalizerOptions) {
    const normalized = super.normalize(component, options);
    if (normalized === undefined || !(component instanceof CryptoAsset)) return normalized;
    return { ...normalized, cryptoProperties: component.cryptoProperties };
  }
}

class AssetFactory extends Serialize.JSON.Normalize.Factory {
  override makeForComponent(): AssetNormalizer {
    return new AssetNormalizer(this);
  }
}

/** Text of the document; the same for the same inventory. */
export function inventoryCbom(inventory: Inventory, version: string): string {
  const bom = new Models.Bom();
  bom.metadata.tools.tools.add(new Models.Tool({ vendor: 'Vesper', name: 'vesper', version }));
  if (inventory.total.handshakes > 0) bom.metadata.timestamp = new Date(inventory.total.lastSeen * 1000);
  const builder = new Builder(bom);
  for (const server of inventory.servers()) builder.server(server);
  for (const client of inventory.clients()) builder.client(client);
  const serializer = new Serialize.JsonSerializer(new AssetFactory(Spec.Spec1dot6));
  return serializer.serialize(bom, { sortLists: true, space: 2 });
}

class Builder {
  readonly #bom: Models.Bom;
  readonly #assets = new Map<string, CryptoAsset>();

  constructor(bom: Models.Bom) {
    this.#bom = bom;
  }

  server({ address, names, usage, certificates }: ServerEntry): void {
    const at = address.ip.includes(':') ? `[${address.ip}]:${address.port}` : `${address.ip}:${address.port}`;
    const service = new Models.Service(names.entries()[0]?.[0] ?? at, { bomRef: `server/${at}` });
    service.properties.add(new Models.Property('vesper:address', at));
    addCounts(service.properties, 'vesper:name', names);
    addUsage(service.properties, usage);
    for (const protocol of this.#protocols(at, usage)) service.dependencies.add(protocol.bomRef);
    for (const certificate of certificates.values()) service.dependencies.add(this.#certificate(certificate).bomRef);
    this.#bom.services.add(service);
  }

  client({ ip, usage }: ClientEntry): void {
    const device = new Models.Component(Enums.ComponentType.Device, ip, { bomRef: `client/${ip}` });
    addUsage(device.properties, usage);
    for (const algorithm of this.#algorithms(usage, usage.cipherSuites.entries())) {
      device.dependencies.add(algorithm.bomRef);
    }
    this.#bom.components.add(device);
  }

  /** One for each version that the server negotiated, with the suites that it negotiated under it. */
  #protocols(at: string, usage: Usage): CryptoAsset[] {
    return usage.versions.entries().map(([version]) => {
      const negotiated = usage.negotiated.entries().filter(([pair]) => pair.startsWith(`${version} `));
      const suites = negotiated.map(([pair, count]) => [pair.slice(version.length + 1), count] as const);
      const cipherSuites = suites.map(([name]) => {
        const algorithm = suiteAlgorithm(name);
        return {
          name,
          ...(algorithm && { algorithms: [this.#algorithm(algorithm).bomRef.value] }),
          identifiers: suiteIdentifiers(name),
        };
      });
      const protocol = this.#add(`protocol/${at}/${version}`, version, {
        assetType: 'protocol',
        protocolProperties: { type: 'tls', version: version.replace(/^TLSv/, ''), cipherSuites },
      });
      for (const algorithm of this.#algorithms(usage, suites)) protocol.dependencies.add(algorithm.bomRef);
      return protocol;
    });
  }

  /** The suites' ciphers, and the groups and signature schemes of the whole of the usage. */
  #algorithms(usage: Usage, suites: readonly (readonly [name: string, count: number])[]): CryptoAsset[] {
    const ciphers = suites.map(([name]) => suiteAlgorithm(name)).filter((cipher) => cipher !== undefined);
    const groups = usage.groups.entries().map(([name]) => groupAlgorithm(name));
    const schemes = usage.signatureSchemes.entries().map(([name]) => signatureAlgorithm(name));
    return [...ciphers, ...groups, ...schemes].map((algorithm) => this.#algorithm(algorithm));
  }

  #algorithm({ name, properties }: Algorithm): CryptoAsset {
    return this.#add(`algorithm/${name}`, name, { assetType: 'algorithm', algorithmProperties: properties });
  }

  #certificate(facts: CertificateFacts): CryptoAsset {
    const ref = `certificate/${facts.sha256}`;
    const known = this.#assets.get(ref);
    if (known !== undefined) return known;
    const key = this.#add(`key/${facts.sha256}`, [facts.keyType, facts.keyCurve ?? facts.keyBits].join(' ').trim(), {
      assetType: 'related-crypto-material',
      relatedCryptoMaterialProperties: {
        type: 'public-key',
        ...(facts.keyBits !== undefined && { size: facts.keyBits }),
      },
    });
    const signature = this.#algorithm(signatureAlgorithm(facts.signatureAlgorithm || 'unknown'));
    const certificate = this.#add(ref, facts.subject || facts.sha256, {
      assetType: 'certificate',
      certificateProperties: {
        subjectName: facts.subject,
        issuerName: facts.issuer,
        notValidBefore: isoTime(facts.notBefore),
        notValidAfter: isoTime(facts.notAfter),
        signatureAlgorithmRef: signature.bomRef.value,
        subjectPublicKeyRef: key.bomRef.value,
        certificateFormat: 'X.509',
      },
    });
    certificate.dependencies.add(key.bomRef);
    certificate.dependencies.add(signature.bomRef);
    return certificate;
  }

  #add(ref: string, name: string, cryptoProperties: object): CryptoAsset {
    let asset = this.#assets.get(ref);
    if (asset === undefined) {
      asset = new CryptoAsset(name, ref, cryptoProperties);
      this.#assets.set(ref, asset);
      this.#bom.components.add(asset);
    }
    return asset;
  }
}

function addUsage(properties: Models.PropertyRepository, usage: Usage): void {
  const add = (name: string, value: string): void => void properties.add(new Models.Property(`vesper:${name}`, value));
  add('handshakes', String(usage.handshakes));
  if (usage.handshakes > 0) {
    add('first_seen', isoTime(usage.firstSeen));
    add('last_seen', isoTime(usage.lastSeen));
  }
  addCounts(properties, 'vesper:version', usage.versions);
  addCounts(properties, 'vesper:cipher_suite', usage.cipherSuites);
  for (const [policy, { outcomes, rules }] of usage.policies) {
    for (const [outcome, count] of Object.entries(outcomes)) add(`verdict:${policy}:${outcome}`, String(count));
    addCounts(properties, `vesper:violated_rule:${policy}`, rules);
  }
}

/** `vesper:version:TLSv1.3` with how often. */
function addCounts(properties: Models.PropertyRepository, prefix: string, counts: Counts): void {
  for (const [value, count] of counts.entries())
    properties.add(new Models.Property(`${prefix}:${value}`, String(count)));
}
