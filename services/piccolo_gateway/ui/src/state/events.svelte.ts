/** What changes on the device, as it changes: one stream for all screens of this tab, resumed where it was cut. */

type Topic = string;
type Hearer = (data: unknown) => void;

class Live {
  /** Whether the stream stands; false while the device does not answer. */
  connected = $state(false);

  #source: EventSource | undefined;
  #hearers = new Map<Topic, Set<Hearer>>();

  /** Begins to listen; the browser comes back by itself, with the last id. */
  open(): void {
    if (this.#source) return;
    const source = new EventSource("/api/v1/events");
    source.onopen = () => (this.connected = true);
    source.onerror = () => {
      this.connected = false;
      if (source.readyState === EventSource.CLOSED) {
        this.close();
        this.#tell("closed", undefined);
      }
    };
    this.#source = source;
    for (const topic of this.#hearers.keys()) this.#listen(topic);
  }

  close(): void {
    this.#source?.close();
    this.#source = undefined;
    this.connected = false;
  }

  /** Calls a hearer for each event of a topic; returns what ends that. `closed`: the stream was refused. */
  on(topic: Topic, hearer: Hearer): () => void {
    let all = this.#hearers.get(topic);
    if (!all) {
      all = new Set();
      this.#hearers.set(topic, all);
      this.#listen(topic);
    }
    all.add(hearer);
    return () => all.delete(hearer);
  }

  #listen(topic: Topic): void {
    this.#source?.addEventListener(topic, (event: MessageEvent<string>) =>
      this.#tell(topic, JSON.parse(event.data)),
    );
  }

  #tell(topic: Topic, data: unknown): void {
    this.#hearers.get(topic)?.forEach((hear) => hear(data));
  }
}

export const live = new Live();
