// Helpers of the test cases of session.js.

import { Session } from '/session.js';

export let number = 0; // of the latest session
export const nextName = () => `case-${++number}`;

// service responds like the handlers. `generation` counts its tokens, and only
// the latest token is valid.
export function service(overrides = {}) {
	const s = {
		requests: [],
		generation: 0,
		seen: 0, // the generation of the browser's cookie
		async fetch(input, init = {}) {
			const request = new Request(input, init);
			const path = new URL(request.url).pathname;
			s.requests.push(path);
			const json = (status, body, headers = {}) => new Response(JSON.stringify(body), { status, headers });
			if (overrides[path]) {
				const answer = await overrides[path](request, s, json);
				if (answer) {
					return answer;
				}
			}
			switch (path) {
			case '/login': case '/refresh':
				s.seen = ++s.generation;
				return json(200, { expires_in: 60, access_token: `access-${s.generation}`, refresh_token: `refresh-${s.generation}` });
			case '/logout':
				return new Response(null, { status: 204 });
			default:
				return json(200, { authorization: request.headers.get('Authorization') });
			}
		},
		count: (path) => s.requests.filter((p) => p === path).length,
	};
	return s;
}

export async function loggedIn(s, options = {}) {
	const session = new Session({ name: nextName(), fetch: s.fetch, ...options });
	await session.login('ann', 'secret');
	return session;
}

// inFrame returns the same session in another document, like in another tab.
export async function inFrame(s) {
	const frame = document.createElement('iframe');
	frame.src = '/frame';
	document.body.append(frame);
	await new Promise((done) => { frame.onload = done; });
	const { Session: Other } = await frame.contentWindow.eval(`import('/session.js')`);
	return { other: new Other({ name: `case-${number}`, fetch: s.fetch }) };
}

// hurried runs long timers at once and returns their delays in milliseconds.
export async function hurried(f) {
	const waits = [];
	const { setTimeout: real } = globalThis;
	globalThis.setTimeout = (then, milliseconds) => {
		if (milliseconds >= 500) {
			waits.push(milliseconds);
		}
		return real(then, 0);
	};
	try {
		await f();
	} finally {
		globalThis.setTimeout = real;
	}
	return waits;
}

export const pause = (milliseconds) => new Promise((done) => { setTimeout(done, milliseconds); });
export async function until(condition) {
	while (!condition()) {
		await pause(1);
	}
}

export const fails = (promise) => promise.then(() => undefined, (error) => error);
export const equal = (what, got, want) => (JSON.stringify(got) === JSON.stringify(want) ? '' : `${what}: ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
export const all = (...faults) => faults.filter(Boolean).join('; ');
