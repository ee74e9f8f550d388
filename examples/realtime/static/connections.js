// Connections that end with the access token of a session, and are opened again.
//
//	keepConnected(session, webSocket('/socket', () => ['room']), view);
//
// A function such as webSocket returns a function that opens one connection and
// resolves when it has ended:
//
//   - `wasOpen`: whether the server had accepted it
//   - `renew`: whether it ended because of its token
//   - `text`: the reason, for people

import { SessionEnded } from './session.js';

/**
 * Keeps a connection open until the session ends. Each connection begins after the last message of
 * the one before. A token that has expired is renewed first, and after other failures the next
 * attempt waits, up to 30 seconds.
 * @param {Session} session
 * @param {Function} connect
 * @param {{opened: Function, message: Function, closed: Function}} view is called for each event
 */
export async function keepConnected(session, connect, view) {
	const stop = new AbortController();
	session.addEventListener('ended', () => stop.abort());
	let after = 0;
	let failures = 0;
	const take = (message) => {
		if (message.id > after) {
			after = message.id;
			view.message(message);
		}
	};
	while (!stop.signal.aborted) {
		failures += 1;
		try {
			if (session.expiresAt && session.expiresAt <= Date.now()) {
				await session.refresh();
			}
			const used = session.expiresAt;
			const began = Date.now();
			const end = await connect({ after, signal: stop.signal, opened: view.opened, message: take });
			view.closed(end.text);
			if (end.wasOpen && end.renew) {
				if (session.expiresAt === used) { // neither this tab nor another has renewed it
					await session.refresh(true);
				}
				failures = Date.now() - began > 1000 ? 0 : failures;
			} else if (!end.wasOpen) {
				// A browser does not tell a page why a handshake was refused. This request
				// gets the same answer, and renews the token if that is the reason.
				await session.fetch('/api/me');
			} else {
				failures = 1;
			}
		} catch (error) {
			if (error instanceof SessionEnded) {
				return;
			}
			view.closed(error.message);
		}
		await sleep(failures ? Math.min(500 * 2 ** failures, 30_000) * (0.5 + Math.random() / 2) : 0, stop.signal);
	}
}

/**
 * A WebSocket. Its token is in a cookie or among the protocols.
 * @param {string} path
 * @param {() => string[]} protocols is called for each connection
 */
export function webSocket(path, protocols) {
	return ({ after, signal, opened, message }) => new Promise((done) => {
		const url = new URL(`${path}?after=${after}`, location.href);
		const socket = new WebSocket(url.href.replace(/^http/, 'ws'), protocols());
		let wasOpen = false;
		socket.addEventListener('open', () => {
			wasOpen = true;
			opened(socket);
		});
		socket.addEventListener('message', ({ data }) => message(JSON.parse(data)));
		socket.addEventListener('close', ({ code, reason }) => {
			done({ wasOpen, renew: code === 4401, text: wasOpen ? `closed with ${code} ${reason}` : 'refused' });
		});
		signal.addEventListener('abort', () => socket.close());
	});
}

/** Server-Sent Events with a cookie. An EventSource cannot send other headers. */
export function eventSource(path) {
	return ({ after, signal, opened, message }) => new Promise((done) => {
		const source = new EventSource(`${path}?after=${after}`);
		let wasOpen = false;
		const end = (renew, text) => {
			source.close();
			done({ wasOpen, renew, text });
		};
		source.addEventListener('open', () => {
			wasOpen = true;
			opened();
		});
		source.addEventListener('message', ({ data }) => message(JSON.parse(data)));
		source.addEventListener('end', ({ data }) => end(isToken(data), `event end: ${data}`));
		source.addEventListener('error', () => end(false, wasOpen ? 'connection lost' : 'refused'));
		signal.addEventListener('abort', () => end(false, 'closed by this page'));
	});
}

/**
 * Server-Sent Events by fetch, which can send headers.
 * @param {string} path
 * @param {typeof fetch} fetch adds the token
 */
export function fetchEvents(path, fetch) {
	return async ({ after, signal, opened, message }) => {
		const response = await fetch(`${path}?after=${after}`, { headers: { Accept: 'text/event-stream' }, signal });
		if (!response.ok) {
			return { wasOpen: false, renew: false, text: `refused with ${response.status}` };
		}
		opened();
		let last = { wasOpen: true, renew: false, text: 'connection lost' };
		try {
			await readEvents(response.body, ({ event, data }) => {
				if (event === 'end') {
					last = { wasOpen: true, renew: isToken(data), text: `event end: ${data}` };
				} else if (data) {
					message(JSON.parse(data));
				}
			});
		} catch (error) {
			if (!signal.aborted) {
				last.text = `connection lost: ${error.message}`;
			}
		}
		return last;
	};
}

/** Reads the events of a stream whose lines end with "\n". */
async function readEvents(body, each) {
	const reader = body.pipeThrough(new TextDecoderStream()).getReader();
	for (let text = ''; ;) {
		const { value, done } = await reader.read();
		if (done) {
			return;
		}
		const blocks = (text + value).split('\n\n');
		text = blocks.pop();
		for (const block of blocks) {
			each(Object.fromEntries(block.split('\n').map((line) => line.split(/: ?(.*)/s, 2))));
		}
	}
}

/** Whether the reason for an end is the token: then a new one helps. */
function isToken(reason) {
	return reason.startsWith('token_') || reason === 'session_ended';
}

function sleep(milliseconds, signal) {
	return new Promise((done) => {
		const timer = setTimeout(done, milliseconds);
		signal.addEventListener('abort', () => {
			clearTimeout(timer);
			done();
		});
	});
}
