// Updates of session.js. Each case returns a failure, or an empty text.

import { Session, SessionEnded, Unavailable } from '/session.js';
import { all, equal, fails, loggedIn, number, pause, service, until } from './session_support.js';

// renewed responds to an update like an endpoint that writes new tokens. The
// generation stays.
const renewed = (request, s, json) => json(200, { expires_in: 30, access_token: 'access-updated', refresh_token: `refresh-${s.seen}` });

// overlap counts the refreshes and updates that run at the same time.
function overlap() {
	let running = 0;
	const seen = { most: 0 };
	const slow = (answer) => async (request, s, json) => {
		seen.most = Math.max(seen.most, ++running);
		await pause(20);
		running--;
		return answer?.(request, s, json);
	};
	return { seen, slow };
}

export const updates = {
	async 'an update sends and keeps tokens in storage'() {
		const sent = [];
		const s = service({
			async '/update'(request, s, json) {
				sent.push(request.headers.get('Authorization'), await request.clone().json());
				return renewed(request, s, json);
			},
		});
		const session = await loggedIn(s, { tokens: 'storage' });
		let changes = 0;
		session.addEventListener('change', () => changes++);
		const response = await session.update('/update', { organization: 'b' });
		const after = await (await session.fetch('/api')).json();
		return all(
			equal('sent', sent, ['Bearer access-1', { organization: 'b', refresh_token: 'refresh-1' }]),
			equal('response', [response.status, (await response.json()).access_token], [200, 'access-updated']),
			equal('after', after.authorization, 'Bearer access-updated'), equal('life', session.life, 30_000), equal('changes', changes, 1),
		);
	},

	async 'an update sends no token in cookie mode'() {
		let sent;
		const s = service({
			async '/update'(request) {
				sent = [request.headers.get('Authorization'), request.credentials, await request.json()];
				return new Response(null, { status: 204 });
			},
		});
		const session = await loggedIn(s);
		const before = session.expiresAt;
		const response = await session.update('/update', { a: 1 });
		return all(equal('sent', sent, [null, 'include', { a: 1 }]), equal('status', response.status, 204), equal('expiry', session.expiresAt, before));
	},

	async 'one refresh or update at a time'() {
		const faults = [];
		for (const locks of [navigator.locks, null]) {
			const { seen, slow } = overlap();
			const s = service({ '/refresh': slow(), '/update': slow(renewed) });
			const first = await loggedIn(s, { locks });
			const others = locks ? [1, 2].map(() => new Session({ name: `case-${number}`, fetch: s.fetch })) : [];
			const tabs = [first, ...others];
			await Promise.all(tabs.flatMap((tab) => [tab.update('/update'), tab.refresh(true), tab.update('/update')]));
			faults.push(equal('at once', seen.most, 1), equal('updates', s.count('/update'), 2 * tabs.length));
		}
		return all(...faults);
	},

	async 'a request that gets 401 because of an update needs no refresh'() {
		let answer;
		const s = service({
			'/update': () => new Promise((done) => { answer = () => done(new Response(null, { status: 204 })); }),
			'/api': (request, s, json) => (s.count('/api') === 1 ? json(401, { code: 'token_invalid' }) : undefined),
		});
		const session = await loggedIn(s);
		const other = new Session({ name: `case-${number}`, fetch: s.fetch });
		const updated = session.update('/update');
		await until(() => answer);
		const got = other.fetch('/api');
		await until(() => s.count('/api') === 1);
		answer();
		await updated;
		return all(equal('status', (await got).status, 200), equal('requests', s.requests, ['/login', '/update', '/api', '/api']));
	},

	async 'the response of an update is ignored if the session has newer tokens'() {
		const faults = [];
		for (const tokens of ['storage', 'cookies']) {
			let answer;
			const s = service({ '/update': (request, s, json) => new Promise((done) => { answer = () => done(renewed(request, s, json)); }) });
			const session = await loggedIn(s, { tokens, locks: null });
			const late = session.update('/update');
			await until(() => answer);
			await new Session({ name: `case-${number}`, fetch: s.fetch, tokens, locks: null }).refresh(true);
			const before = localStorage.getItem(`case-${number}`);
			answer();
			faults.push(equal('status', (await late).status, 200), equal('record', localStorage.getItem(`case-${number}`), before));
		}
		return all(...faults);
	},

	async 'the response of a refresh is ignored if the session has newer tokens'() {
		let answer;
		const s = service({
			'/refresh': (request, s, json) => new Promise((done) => { answer = () => done(json(200, { expires_in: 60, access_token: 'late', refresh_token: 'late' })); }),
			'/update': renewed,
		});
		const session = await loggedIn(s, { tokens: 'storage', locks: null });
		const late = session.refresh(true);
		await until(() => answer);
		await new Session({ name: `case-${number}`, fetch: s.fetch, tokens: 'storage', locks: null }).update('/update');
		answer();
		await late;
		const sent = await (await session.fetch('/api')).json();
		return equal('sent', sent.authorization, 'Bearer access-updated');
	},

	async 'an update is repeated once after 401'() {
		const bodies = [];
		const answers = (statuses) => async (request, s, json) => {
			bodies.push((await request.json()).a);
			return json(statuses.shift(), { code: 'token_invalid' });
		};
		const s = service({ '/once': answers([401, 200]), '/always': answers([401, 401]), '/refused': answers([403]) });
		const session = await loggedIn(s);
		const got = [];
		for (const path of ['/once', '/always', '/refused']) {
			got.push((await session.update(path, { a: path })).status);
		}
		return all(equal('statuses', got, [200, 401, 403]), equal('bodies', bodies, ['/once', '/once', '/always', '/always', '/refused']), equal('refreshes', s.count('/refresh'), 2));
	},

	async 'an expired token is renewed before an update'() {
		const s = service({ '/login': (request, s, json) => json(200, { expires_in: 0 }), '/update': renewed });
		const session = await loggedIn(s);
		await session.update('/update');
		return equal('requests', s.requests, ['/login', '/refresh', '/update']);
	},

	async 'an update of a session that has ended'() {
		const s = service({
			'/update': (request, s, json) => json(401, { code: 'token_invalid' }),
			'/refresh': (request, s, json) => json(401, { code: 'session_ended' }),
		});
		const session = await loggedIn(s);
		const errors = [await fails(session.update('/update')), await fails(session.update('/update'))];
		return all(equal('ended', errors.map((e) => e instanceof SessionEnded), [true, true]), equal('requests', s.requests, ['/login', '/update', '/refresh']));
	},

	async 'an outage during an update'() {
		const s = service({ '/update'() { throw new TypeError('Failed to fetch'); } });
		const session = await loggedIn(s);
		const error = await fails(session.update('/update'));
		await session.refresh(true); // its turn comes
		return all(equal('an outage', error instanceof Unavailable, true), equal('ended', session.ended, false));
	},

	async 'a logout aborts an update'() {
		const s = service({ '/update': (request) => new Promise((_, fail) => { request.signal.addEventListener('abort', () => fail(request.signal.reason)); }) });
		const session = await loggedIn(s, { timeout: 60_000 });
		const late = fails(session.update('/update'));
		await until(() => s.count('/update'));
		await session.logout();
		return all(equal('error', (await late) instanceof Unavailable, true), equal('ended', session.ended, true));
	},
};
