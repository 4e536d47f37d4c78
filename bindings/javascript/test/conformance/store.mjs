/** One record that all sessions of a case share, and that fails on demand. */
export class Shelf {
  record;
  loading = "works";
  saving = "works";
  #saves = 0;
  #owners = new Map();

  /** As a process sees it. */
  of(life) {
    const check = (mode) => {
      if (life.ended || mode === "unavailable") throw new Error("as scripted");
    };
    return {
      identity: "scripted",
      load: async () => {
        check(this.loading === "works" ? "works" : "unavailable");
        return this.record === undefined ? undefined : { record: this.record, version: String(this.#saves) };
      },
      save: async (_, record, expected) => {
        check(this.saving);
        const fits =
          "anything" in expected ||
          ("absent" in expected ? this.record === undefined : this.record !== undefined && expected.version === String(this.#saves));
        if (!fits) return undefined;
        this.record = record;
        this.#saves += 1;
        if (this.saving === "lands") throw new Error("as scripted, though it has landed");
        return String(this.#saves);
      },
      announce: async (_, owner) => void this.#owners.set(owner, life),
      owner: async (_, owner) => (this.#owners.has(owner) ? (this.#owners.get(owner).ended ? "dead" : "alive") : "unknown"),
    };
  }

  damage(how) {
    const { record } = this;
    this.#saves += 1;
    if (how === "remove") this.record = undefined;
    else if (how === "empty") this.record = "";
    else if (how === "truncate") this.record = record.slice(0, record.length / 2);
    else if (how === "garbage") this.record = "#".repeat(record.length);
    else this.record = `${record}}trailing`;
  }
}
