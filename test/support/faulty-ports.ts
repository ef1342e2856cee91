import type { Model } from '../../lib/ports/model.ts';
import type { ObjectStore } from '../../lib/ports/object-store.ts';
import type { PictureDecoder } from '../../lib/ports/picture-decoder.ts';
import type { EventSink, Queue } from '../../lib/ports/queue.ts';

/**
 * Called before and after each call of a port, with `before NAME` or `after NAME`. It rejects to make the call fail,
 * waits to make it slow, and never resolves for a process that has died.
 */
export type Fault = (point: string) => Promise<void>;

function around<A extends unknown[], R>(fault: Fault, name: string, call: (...args: A) => Promise<R>) {
  return async (...args: A): Promise<R> => {
    await fault(`before ${name}`);
    const result = await call(...args);
    await fault(`after ${name}`);
    return result;
  };
}

export function faultyStore(store: ObjectStore, name: string, fault: Fault): ObjectStore {
  return {
    list: store.list,
    head: around(fault, `${name}.head`, store.head),
    get: around(fault, `${name}.get`, store.get),
    put: around(fault, `${name}.put`, store.put),
    delete: around(fault, `${name}.delete`, store.delete),
  };
}

export function faultyQueue(queue: Queue, name: string, fault: Fault): Queue {
  return {
    send: around(fault, `${name}.send`, queue.send),
    receive: around(fault, `${name}.receive`, queue.receive),
    delete: around(fault, `${name}.delete`, queue.delete),
    changeVisibility: around(fault, `${name}.changeVisibility`, queue.changeVisibility),
  };
}

export function faultySink<E>(sink: EventSink<E>, fault: Fault): EventSink<E> {
  return { publish: around(fault, 'events.publish', sink.publish) };
}

export function faultyModel(model: Model, fault: Fault): Model {
  return { ...model, predict: around(fault, 'model.predict', model.predict) };
}

export function faultyDecoder(decoder: PictureDecoder, fault: Fault): PictureDecoder {
  return { decode: around(fault, 'decoder.decode', decoder.decode) };
}
