// A client for the login sessions of a jwtauth service, for any page. It has no
// dependencies.
//
//	import { Session } from './session.js';
//
//	const session = new Session();
//	await session.login('ann', password);
//	const response = await session.fetch('/api/me'); // refreshes if necessary
//	await session.update('/organization', { id: 7 }); // changes the session
//	await session.logout();
//
// In cookie mode, the default, this code never sees a token. The browser sends
// the cookies, and the responses to login and refresh contain the lifetime of
// the access token. With `tokens: 'storage'` it keeps tokens in localStorage
// and sends them as bearer tokens. Then every script on the page can read and
// steal them. With the fetch of dpop.js they are bound to a key of this
// browser.
//
// Its rules:
//
//   - There is one refresh or update at a time, in this tab and across tabs
//     (Web Locks). Without Web Locks tabs may refresh at once, and the server
//     treats that as one rotation (ReuseWindow).
//   - A response is kept only if the session still holds the tokens that were
//     sent. Otherwise a late response would overwrite newer tokens.
//   - A login, refresh, update or logout is given up after 8 seconds without a
//     response. A refresh can be repeated: the server returns the same token
//     again.
//   - Login and logout cancel this tab's refresh or update and take the same
//     lock, so that a late response of the old session does not overwrite their
//     result. Other tabs are notified afterwards.
//   - After a 401 it refreshes and repeats the request once.
//   - Only a 401 with a code of the service ends the session. A proxy may
//     respond with a 401 of its own.
//   - After a 503 it waits as long as Retry-After says, 1 to 30 seconds.
//   - Silent renewal backs off if it cannot reach the server, up to 30 seconds.

/** The session has ended. A new login is necessary. */
export class SessionEnded extends Error {
	name = 'SessionEnded';
}

/** The server is unreachable or unavailable. The session continues; try again later. */
export class Unavailable extends Error {
	name = 'Unavailable';
}

/** A login was refused. `code` is the reason (login_failed, …), `status` the HTTP status. */
export class LoginRefused extends Error {
	name = 'LoginRefused';
	constructor(status, code) {
		super(`login refused: ${code}`);
		this.status = status;
		this.code = code;
	}
}

/**
 * Session is one login of this browser. It dispatches "change" after a login, a refresh or an
 * update, in this tab or another, and "ended" when the session ends. Instances with the same name
 * share a session.
 */
export class Session extends EventTarget {
	#options;
	#refreshing = null; // promise of the running refresh
	#turn = Promise.resolve(); // the end of this tab's latest refresh or update
	#giveUp = null; // AbortController of its request
	#notBefore = 0; // time of the next request after a 503
	#silent = false; // whether to refresh before each expiry
	#timer = 0;
	#told; // the state's `at` at the last event

	/**
	 * @param {object} [options]
	 * @param {string} [options.base] URL of the endpoints: '' for this origin's root, '/token', 'https://api.example.com'
	 * @param {'cookies'|'storage'} [options.tokens] where tokens are kept
	 * @param {string} [options.name] of the lock and of the record in localStorage
	 * @param {number} [options.timeout] of a login, refresh, update or logout, in milliseconds
	 * @param {typeof fetch} [options.fetch]
	 * @param {LockManager|null} [options.locks] null for none
	 * @param {Storage|null} [options.storage] null for none: then each tab is on its own
	 */
	constructor(options = {}) {
		super();
		this.#options = {
			base: '',
			tokens: 'cookies',
			name: 'session',
			timeout: 8000,
			fetch: (...args) => globalThis.fetch(...args),
			locks: globalThis.navigator?.locks ?? null,
			storage: ownStorage(),
			...options,
		};
		globalThis.addEventListener?.('storage', (event) => {
			if (event.key === this.#options.name) {
				this.#tell();
			}
		});
		this.#told = this.#state().at;
	}

	/** Expiry of the access token in milliseconds since 1970, or 0 if unknown. */
	get expiresAt() {
		return this.#state().expiresAt ?? 0;
	}

	/** Lifetime of an access token in milliseconds, or 0 if unknown. */
	get life() {
		return this.#state().life ?? 0;
	}

	/**
	 * The access token with tokens in storage, and otherwise ''. For a connection that fetch cannot
	 * open, such as a WebSocket.
	 */
	get accessToken() {
		return this.#state().accessToken ?? '';
	}

	/** Whether the session has ended, or with tokens in storage, has not begun. */
	get ended() {
		const { at, refreshToken } = this.#state();
		return at === over || (this.#inStorage && !refreshToken);
	}

	/** Adopts the session of a page from the server. Its access token lasts `seconds` from now. */
	adopt(seconds) {
		const { at = over, life = 0, ...tokens } = this.#state();
		this.#write({ ...tokens, at: at === over ? mark() : at, expiresAt: Date.now() + seconds * 1000, life: Math.max(life, seconds * 1000) });
	}

	/** Logs in. Throws LoginRefused or Unavailable. */
	async login(username, password) {
		this.#giveUp?.abort();
		await this.#locked(async () => {
			const { status, body } = await this.#post('/login', { username, password });
			this.#giveUp?.abort(); // without locks, a refresh may have begun meanwhile
			if (status >= 500) {
				throw new Unavailable(`login: ${status}`);
			}
			if (status !== 200) {
				throw new LoginRefused(status, body.code ?? '');
			}
			this.#keep(body);
		});
	}

	/**
	 * Like the global fetch, with the session's credentials. Throws SessionEnded, or Unavailable if
	 * the server cannot be reached. A GET or HEAD with status 503 is repeated once, after a pause.
	 * Other methods return the 503.
	 */
	async fetch(input, init = {}) {
		if (this.ended) {
			throw new SessionEnded();
		}
		const request = new Request(input, { credentials: this.#credentials, ...init });
		if (this.expiresAt && this.expiresAt <= Date.now()) {
			await orAborted(this.refresh(), request.signal);
		}
		const used = this.#state().at;
		let answer = await this.#send(request.clone());
		if (answer.status === 401) {
			if (this.ended || this.#state().at === used) { // no other call has refreshed meanwhile
				await orAborted(this.refresh(true), request.signal);
			}
			answer = await this.#send(request.clone());
		}
		if (answer.status === 503 && ['GET', 'HEAD'].includes(request.method)) {
			await orAborted(sleep(retryAfter(answer)), request.signal);
			answer = await this.#send(request);
		}
		return answer;
	}

	/**
	 * Renews the tokens, unless another tab does so or has just done so. Throws SessionEnded or
	 * Unavailable.
	 * @param {boolean} [force] also if the access token has not expired
	 */
	refresh(force = false) {
		this.#refreshing ??= this.#refresh(force).finally(() => {
			this.#refreshing = null;
		});
		return this.#refreshing;
	}

	/**
	 * Posts to an endpoint that changes the session, and keeps the new tokens. In cookie mode its
	 * handler calls UpdateSession. With tokens in storage it calls Refresh with options: the JSON body
	 * then also has the refresh_token, and the response is that of WriteTokens. Returns the response,
	 * also if it is a refusal. Throws SessionEnded or Unavailable. After Unavailable it is unknown
	 * whether the session has changed.
	 * @param {string} path
	 * @param {object} [fields] of the JSON body
	 */
	async update(path, fields = {}) {
		if (this.ended) {
			throw new SessionEnded();
		}
		await sleep(this.#notBefore - Date.now());
		return this.#inTurn(async () => {
			if (this.expiresAt && this.expiresAt <= Date.now()) {
				await this.#refreshOrEnd(this.#state().at, false);
			}
			const used = this.#state().at;
			let response = await this.#change(path, fields);
			if (response.status === 401) {
				await this.#refreshOrEnd(used, true);
				response = await this.#change(path, fields);
			}
			return response;
		});
	}

	/**
	 * Ends the session in all tabs. Throws Unavailable if the result is unknown: then the session
	 * counts as active. A 401 of the service means that it does not know the session.
	 */
	async logout() {
		this.#giveUp?.abort();
		await this.#locked(async () => {
			if (this.#inStorage && this.ended) {
				return;
			}
			const answer = await this.#post('/logout', this.#inStorage ? { refresh_token: this.#state().refreshToken } : undefined);
			this.#giveUp?.abort();
			if (answer.status !== 204 && !isOver(answer)) {
				throw new Unavailable(`logout: ${answer.status}`);
			}
			this.#write({ at: over });
		});
	}

	/** Refreshes shortly before each expiry until stop is called. */
	start() {
		this.#silent = true;
		this.#schedule();
	}

	stop() {
		this.#silent = false;
		clearTimeout(this.#timer);
	}

	/** Sets the timer of silent renewal. The pause is its minimum and grows with each failure. */
	#schedule(pause = 250) {
		clearTimeout(this.#timer);
		if (!this.#silent || this.ended) {
			return;
		}
		const due = () => this.expiresAt - Math.min(10_000, this.life / 5) - Date.now();
		this.#timer = setTimeout(async () => {
			try {
				if (due() <= 0) { // otherwise another tab has a later expiry
					await this.refresh();
				}
				this.#schedule();
			} catch { // if the session has ended, there was an event
				this.#schedule(Math.min(Math.max(2 * pause, 1000), 30_000));
			}
		}, Math.min(Math.max(due(), this.#notBefore - Date.now(), pause), 0x7fffffff));
	}

	get #inStorage() {
		return this.#options.tokens === 'storage';
	}

	get #credentials() {
		return this.#inStorage ? 'omit' : 'include';
	}

	async #refresh(force) {
		const { at } = this.#state();
		if (!this.ended) {
			await sleep(this.#notBefore - Date.now());
		}
		await this.#inTurn(() => this.#refreshOrEnd(at, force));
	}

	/** Runs f with the lock, after the earlier refreshes and updates of this tab. */
	#inTurn(f) {
		const turn = this.#turn.then(() => this.#locked(f));
		this.#turn = turn.catch(() => {});
		return turn;
	}

	/** Refreshes like #refreshSince. Throws SessionEnded if the session has ended. */
	async #refreshOrEnd(at, force) {
		await this.#refreshSince(at, force);
		this.#tell();
		if (this.ended) {
			throw new SessionEnded();
		}
	}

	/** Refreshes, unless another tab has refreshed since the state was `at`. */
	async #refreshSince(at, force) {
		const now = this.#state();
		if (this.ended || (now.at !== at && (force || now.expiresAt > Date.now()))) {
			return;
		}
		const answer = await this.#cancellable('/refresh', this.#inStorage ? { refresh_token: now.refreshToken } : undefined);
		if (this.#state().at !== now.at) {
			// Without locks, another tab has refreshed, logged in or logged out
			// meanwhile. Its result counts.
			return;
		}
		if (isOver(answer)) {
			this.#write({ at: over });
		} else if (answer.status === 200) {
			this.#keep(answer.body);
		} else {
			this.#notBefore = Date.now() + retryAfter(answer);
			throw new Unavailable(`refresh: ${answer.status}`);
		}
	}

	/** Posts an update of the session. Keeps its tokens, unless the session has newer ones. */
	async #change(path, fields) {
		const { at, accessToken, refreshToken } = this.#state();
		const answer = await this.#cancellable(path, this.#inStorage ? { ...fields, refresh_token: refreshToken } : fields, accessToken);
		if (answer.response.ok && this.#state().at === at) {
			if (answer.body.expires_in >= 0) {
				this.#keep(answer.body);
			} else if (!this.#inStorage) {
				this.#write({ ...this.#state(), at: mark() }); // the cookies are new, and the lifetime is unknown
			}
		}
		return answer.response;
	}

	/** Runs f with the lock. The wait is limited, because a frozen tab never releases its lock. */
	async #locked(f) {
		const { locks, name, timeout } = this.#options;
		if (!locks) {
			return f();
		}
		let started = false;
		try {
			return await locks.request(name, { signal: AbortSignal.timeout(timeout + 2000) }, () => {
				started = true;
				return f();
			});
		} catch (error) {
			if (started) {
				throw error;
			}
			return f(); // the wait was too long, or the browser forbids locks here
		}
	}

	async #send(request) {
		const { accessToken } = this.#state();
		if (this.#inStorage && accessToken) {
			request.headers.set('Authorization', `Bearer ${accessToken}`);
		}
		try {
			return await this.#options.fetch(request);
		} catch (error) {
			if (request.signal.aborted) {
				throw error;
			}
			throw new Unavailable('not reached', { cause: error });
		}
	}

	/** Posts a refresh or an update, which login and logout cancel. */
	#cancellable(path, body, accessToken) {
		this.#giveUp = new AbortController();
		return this.#post(path, body, accessToken, this.#giveUp.signal).finally(() => { this.#giveUp = null; });
	}

	/** Posts to an endpoint. Throws Unavailable if the response is missing, incomplete or late. */
	async #post(path, body, accessToken, giveUp = new AbortController().signal) {
		const signal = AbortSignal.any([giveUp, AbortSignal.timeout(this.#options.timeout)]);
		const init = { method: 'POST', credentials: this.#credentials, signal, headers: {} };
		if (accessToken) {
			init.headers.Authorization = `Bearer ${accessToken}`;
		}
		if (body) {
			init.headers['Content-Type'] = 'application/json';
			init.body = JSON.stringify(body);
		}
		try {
			const response = await this.#options.fetch(this.#options.base + path, init);
			return { status: response.status, headers: response.headers, body: parse(await response.clone().text()), response };
		} catch (error) {
			throw new Unavailable('not reached', { cause: error });
		}
	}

	#keep({ expires_in: expiresIn, access_token: accessToken, refresh_token: refreshToken }) {
		if (!(expiresIn >= 0)) {
			throw new Unavailable('the response does not come from the service');
		}
		const tokens = this.#inStorage ? { accessToken, refreshToken } : {};
		this.#write({ at: mark(), expiresAt: Date.now() + expiresIn * 1000, life: expiresIn * 1000, ...tokens });
	}

	// All tabs share one record in localStorage: `at`, which identifies the
	// last login, refresh or update, or says that the session has ended;
	// `expiresAt` and `life` of the access token; and with tokens in storage, the tokens.
	// Otherwise it holds no secret. If the browser forbids localStorage, each
	// tab has its own record.
	#own = '{}';

	#state() {
		try {
			return parse(this.#options.storage ? this.#options.storage.getItem(this.#options.name) : this.#own);
		} catch {
			return {};
		}
	}

	#write(state) {
		this.#own = JSON.stringify(state);
		try {
			this.#options.storage?.setItem(this.#options.name, this.#own);
		} catch {
			forget(this.#options.storage, this.#options.name); // full or forbidden: the record is out of date
			this.#options.storage = null;
		}
		this.#tell();
	}

	/** Dispatches an event if the state has changed, in this tab or another. */
	#tell() {
		const { at } = this.#state();
		if (at !== this.#told) {
			this.#told = at;
			this.#schedule();
			this.dispatchEvent(new Event(at === over ? 'ended' : 'change'));
		}
	}
}

const over = 'ended'; // the `at` of a session that has ended

/**
 * Whether the service says that the session has ended or never existed. Without one of its codes, a
 * 401 comes from a proxy, and says nothing about the session.
 */
function isOver({ status, body }) {
	return status === 401 && ['session_ended', 'token_invalid', 'token_missing'].includes(body.code);
}

function mark() {
	return `${Date.now()} ${Math.random()}`;
}

/** Parses a JSON object. Returns an empty one if the text is not JSON. */
function parse(text) {
	try {
		return JSON.parse(text) ?? {};
	} catch {
		return {};
	}
}

function forget(storage, name) {
	try {
		storage.removeItem(name);
	} catch {
		// a storage that cannot be changed keeps no tokens
	}
}

function ownStorage() {
	try {
		return globalThis.localStorage ?? null;
	} catch {
		return null;
	}
}

/** The pause that a response demands in milliseconds: one to 30 seconds. */
function retryAfter(answer) {
	const field = answer.headers.get('Retry-After') ?? '';
	const seconds = /^\d+$/.test(field) ? Number(field) : (Date.parse(field) - Date.now()) / 1000;
	return 1000 * Math.min(Math.max(seconds || 1, 1), 30);
}

function sleep(milliseconds) {
	return milliseconds > 0 ? new Promise((done) => setTimeout(done, milliseconds)) : undefined;
}

/** Awaits a promise for one request, which goes on for others when the request is aborted. */
function orAborted(promise, signal) {
	return new Promise((done, fail) => {
		signal.addEventListener('abort', () => fail(signal.reason));
		promise.then(done, fail);
	});
}
