import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { belongs, fresh, MOST, Queue, type Stage, type Upload } from "../src/core/queue";

const upload = (id: string, size = 100): Upload =>
  fresh({ id, path: `/${id}.bin`, size, modified: 1_700_000_000, media: "" });
const stages = (queue: Queue) => [...queue].map((one) => one.stage);
const ids = fc.constantFrom("a", "b", "c", "d", "e", "f");

const acts = {
  add: (queue: Queue, id: string, number: number) => queue.add([upload(id, number)]),
  start: (queue: Queue, _: string, number: number) => queue.start(number * 100),
  progress: (queue: Queue, id: string, number: number) => queue.progress(id, number),
  done: (queue: Queue, id: string) => queue.done(id),
  failed: (queue: Queue, id: string, number: number) =>
    queue.failed(id, { reason: "R", passing: number % 3 > 0 }, number * 100),
  stopped: (queue: Queue, id: string) => queue.stopped(id),
  pause: (queue: Queue, id: string) => queue.pause(id),
  resume: (queue: Queue, id: string) => queue.resume(id),
  lost: (queue: Queue, id: string) => queue.lost(id),
  found: (queue: Queue, id: string) => queue.found(id),
  remove: (queue: Queue, id: string) => queue.remove(id),
  hold: (queue: Queue) => queue.hold("user"),
  release: (queue: Queue) => queue.release("user"),
  hurry: (queue: Queue) => queue.hurry(),
};
const steps = fc.array(
  fc.record({
    act: fc.constantFrom(...(Object.keys(acts) as (keyof typeof acts)[])),
    id: ids,
    number: fc.nat(300),
  }),
  { maxLength: 120 },
);

function counted(queue: Queue) {
  const count: Record<Stage, number> = { waiting: 0, sending: 0, paused: 0, failed: 0, missing: 0, done: 0 };
  let bytes = 0;
  let sent = 0;
  for (const one of queue) {
    count[one.stage] += 1;
    bytes += one.size;
    sent += one.sent;
  }
  return { count, bytes, sent };
}

describe("the queue of uploads", () => {
  it("keeps its rules whatever happens", () => {
    fc.assert(
      fc.property(steps, (all) => {
        const queue = new Queue();
        const done = new Set<string>();
        for (const { act, id, number } of all) {
          const held = queue.held("user");
          const before = queue.figures.count.sending;
          acts[act](queue, id, number);
          if (act === "remove") done.delete(id);
          for (const one of queue) {
            expect(one.sent).toBeLessThanOrEqual(one.size);
            if (done.has(one.id)) expect(one.stage).toBe("done");
            if (one.stage === "done") {
              done.add(one.id);
              expect(one.sent).toBe(one.size);
            }
          }
          expect(queue.figures).toEqual(counted(queue));
          expect(queue.figures.count.sending).toBeLessThanOrEqual(MOST);
          if (held && act === "start") expect(queue.figures.count.sending).toBe(before);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("finishes everything that may be sent, each exactly once, however often sending fails on the way", () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { maxLength: 40 }),
        fc.integer({ min: 1, max: 20 }),
        (fails, many) => {
          const queue = new Queue();
          queue.add(Array.from({ length: many }, (_, index) => upload(`u${index}`)));
          const finished: string[] = [];
          let now = 0;
          for (let round = 0; round < 400 && finished.length < many; round++) {
            for (const one of queue.start(now)) {
              queue.progress(one.id, 1);
              if (fails.pop()) queue.failed(one.id, { reason: "OFFLINE", passing: true }, now);
              else {
                queue.done(one.id);
                finished.push(one.id);
              }
            }
            now = Math.max(now, queue.due() ?? now);
          }
          expect(new Set(finished).size).toBe(many);
          expect(finished).toHaveLength(many);
          expect(queue.due()).toBeUndefined();
        },
      ),
    );
  });

  it("lets those go first that did not fail", () => {
    const queue = new Queue();
    queue.add(["a", "b", "c", "d"].map((id) => upload(id)));
    expect(queue.start(0).map((one) => one.id)).toEqual(["a", "b", "c"]);
    queue.failed("a", { reason: "OFFLINE", passing: true }, 0);
    expect(queue.start(0).map((one) => one.id)).toEqual(["d"]);
    expect(queue.get("a")?.next).toBe(1000);
  });

  it("gives up in the end, and tries anew when told to", () => {
    const queue = new Queue();
    queue.add([upload("a")]);
    let now = 0;
    for (let tries = 0; stages(queue)[0] !== "failed"; tries++) {
      expect(tries).toBeLessThan(20);
      queue.start(now);
      queue.failed("a", { reason: "OFFLINE", passing: true }, now);
      now = queue.due() ?? now;
    }
    queue.resume("a");
    expect(queue.start(0).map((one) => one.id)).toEqual(["a"]);
    queue.failed("a", { reason: "PATH_INVALID", passing: false }, now);
    expect(queue.get("a")).toMatchObject({ stage: "failed", reason: "PATH_INVALID" });
  });

  it("begins anew where the device keeps nothing, and goes on where it does", () => {
    const queue = new Queue();
    queue.add([upload("whole"), upload("parts")]);
    queue.start(0);
    queue.located("parts", "/api/v1/uploads/1");
    for (const id of ["whole", "parts"]) {
      queue.progress(id, 60);
      queue.failed(id, { reason: "OFFLINE", passing: true }, 0);
    }
    expect(queue.get("whole")).toMatchObject({ sent: 0, tries: 1 });
    expect(queue.get("parts")).toMatchObject({ sent: 60, tries: 1 });
    queue.start(5000);
    queue.pause("whole");
    queue.progress("parts", 61);
    expect(queue.get("parts")?.tries).toBe(0);
    expect(queue.figures.sent).toBe(61);
  });

  it("goes on after a reload with what was being sent, and keeps what was paused", () => {
    const queue = new Queue();
    queue.add([
      { ...upload("a"), stage: "sending", sent: 40, address: "/api/v1/uploads/1" },
      { ...upload("b"), stage: "paused" },
    ]);
    expect(stages(queue)).toEqual(["waiting", "paused"]);
    expect(queue.figures.sent).toBe(40);
    queue.lost("a");
    expect(queue.start(0)).toEqual([]);
    queue.found("a");
    expect(queue.start(0)[0]).toMatchObject({ id: "a", sent: 40, address: "/api/v1/uploads/1" });
  });

  it("knows a file again by name, size and time", () => {
    const one = { ...upload("a"), path: "/Photos/x/dawn.jpg" };
    expect(belongs(one, { path: "x/dawn.jpg", size: 100, modified: 1_700_000_000 })).toBe(true);
    expect(belongs(one, { path: "dawn.jpg", size: 101, modified: 1_700_000_000 })).toBe(false);
    expect(belongs(one, { path: "dusk.jpg", size: 100, modified: 1_700_000_000 })).toBe(false);
  });
});
