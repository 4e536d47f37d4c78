import { misuse } from "./errors.js";

interface Exports {
  memory: WebAssembly.Memory;
  rekindle_abi_version(): number;
  rekindle_alloc(length: number): number;
  rekindle_free(memory: number, length: number): void;
  rekindle_new(seed: number, boot: number, bootLength: number): number;
  rekindle_turn(core: number, mono: number, wall: number, input: number, length: number): number;
  rekindle_output_length(core: number): number;
  rekindle_tag(core: number, session: number, mono: number, wall: number): number;
}

const ABI = 1;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** One instance of the module, with one core in it. */
export class Module {
  readonly #exports: Exports;
  readonly #core: number;

  constructor(instance: WebAssembly.Instance, boot: string) {
    this.#exports = instance.exports as unknown as Exports;
    const version = this.#exports.rekindle_abi_version();
    if (version !== ABI) throw misuse(`rekindle.wasm speaks version ${version}, this package ${ABI}: reinstall both`);
    const seed = crypto.getRandomValues(new Uint8Array(32));
    const bytes = encoder.encode(boot);
    const at = this.#write(seed);
    const bootAt = this.#write(bytes);
    this.#core = this.#exports.rekindle_new(at, bootAt, bytes.length);
    this.#exports.rekindle_free(at, seed.length);
    this.#exports.rekindle_free(bootAt, bytes.length);
    seed.fill(0);
  }

  turn(mono: number, wall: number, messages: object[]): { effects: unknown[]; due_ms: number | null } {
    const input = encoder.encode(JSON.stringify(messages));
    const at = this.#write(input);
    const output = this.#exports.rekindle_turn(this.#core, mono, wall, at, input.length);
    this.#exports.rekindle_free(at, input.length);
    const length = this.#exports.rekindle_output_length(this.#core);
    // A new view: the memory may have grown.
    const bytes = new Uint8Array(this.#exports.memory.buffer, output, length);
    return JSON.parse(decoder.decode(bytes));
  }

  /** Returns a signed number, negative if a turn is due. */
  tag(session: number, mono: number, wall: number): number {
    return this.#exports.rekindle_tag(this.#core, session, mono, wall);
  }

  #write(bytes: Uint8Array): number {
    const at = this.#exports.rekindle_alloc(bytes.length);
    if (at === 0 && bytes.length > 0) throw misuse("rekindle.wasm has no memory left");
    new Uint8Array(this.#exports.memory.buffer, at, bytes.length).set(bytes);
    return at;
  }
}
