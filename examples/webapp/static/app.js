// Enhancements of the pages. Without script, the pages are forms and links.

import { provenFetch } from './dpop.js';
import { LoginRefused, Session, SessionEnded, Unavailable } from './session.js';

const find = (id) => document.getElementById(id);
const { page, mode: pageMode, expiresIn } = document.body.dataset;

// The modes: where the tokens are, and the pages and endpoints.
const modes = {
	cookies: { page: '/', options: {} },
	storage: { page: '/storage', options: { tokens: 'storage', base: '/token' } },
	bound: { page: '/bound', options: { tokens: 'storage', base: '/bound', fetch: provenFetch('webapp') } },
};
const sessionOf = (mode) => new Session({ name: `webapp-${mode}`, ...modes[mode].options });

function say(text, isProblem = false) {
	const message = document.createElement('p');
	message.className = isProblem ? 'message problem' : 'message';
	message.textContent = text;
	find('messages').replaceChildren(message);
}

// A busy button keeps the focus. A disabled button would lose it.
const isBusy = (button) => button.ariaDisabled === 'true';
const setBusy = (button, busy) => {
	button.ariaDisabled = String(busy);
};

/**
 * Shows a message while the server cannot be reached, and calls onReturn when it is back. Returns a
 * function for actions that failed with Unavailable: it shows that the action was not done, and
 * whether the server is unreachable or only busy.
 */
function watchConnection(onReturn) {
	const line = find('connection');
	let down = false;
	const lost = (text = 'The server cannot be reached. This page continues as soon as it is back.') => {
		down = true;
		line.className = 'message problem';
		line.textContent = text;
	};
	const reached = async () => {
		try {
			return (await fetch('/health', { signal: AbortSignal.timeout(4000) })).ok;
		} catch {
			return false;
		}
	};
	const look = async () => {
		const up = await reached();
		if (!up && !down) {
			lost();
		} else if (up && down) {
			down = false;
			line.className = 'message';
			line.textContent = 'The server is back.';
			setTimeout(() => {
				if (!down) {
					line.textContent = '';
				}
			}, 5000);
			onReturn?.();
		}
		setTimeout(look, down ? 1000 : 3000);
	};
	look();
	return async (what) => {
		if (await reached()) {
			say(`${what}: the server is busy. Please try again in a moment.`, true);
		} else {
			lost(`${what}: the server cannot be reached. Please try again when it is back.`);
		}
	};
}

function loginPage() {
	const notDone = watchConnection();
	const form = find('login');
	find('mode').hidden = false;
	const chosen = new URLSearchParams(location.search).get('mode');
	if (Object.hasOwn(modes, chosen)) {
		form.elements.mode.value = chosen;
	}
	form.addEventListener('submit', async (event) => {
		event.preventDefault();
		const mode = form.elements.mode.value;
		const button = form.querySelector('button');
		if (isBusy(button)) {
			return;
		}
		setBusy(button, true);
		try {
			const session = sessionOf(mode);
			await session.login(form.elements.username.value, form.elements.password.value);
			const me = await session.fetch('/api/me');
			if (me.ok) {
				location.assign(modes[mode].page);
				return;
			}
			say(`Signed in, but the server responded with ${me.status}.`, true);
		} catch (error) {
			if (error instanceof LoginRefused && error.code === 'login_failed') {
				say('That user name and password do not match. Please try again.', true);
				form.elements.password.focus();
				form.elements.password.select();
			} else if (error instanceof LoginRefused && error.code === 'too_many_attempts') {
				say('Too many wrong passwords were entered for this user name, maybe by someone else. Please try again later, or use a browser in which you have signed in before.', true);
			} else if (error instanceof LoginRefused && error.code === 'insecure_transport') {
				say('Over plain HTTP this browser drops the cookies of a sign-in. Use HTTPS, or start the server with -insecure-http.', true);
			} else if (error instanceof SessionEnded) {
				say('Signed in, but this browser has not kept the cookies. On plain HTTP some browsers keep no Secure cookies: start the server with -insecure-http.', true);
			} else if (error instanceof Unavailable) {
				await notDone('You are not signed in');
			} else {
				say(`Signing in did not work: ${error.message}`, true);
			}
		}
		setBusy(button, false);
	});
}

function dashboardPage() {
	const session = sessionOf(pageMode);
	let leaving = false;
	let whenEnded = '/login?ended'; // the page after the end of the session
	const leave = (to) => {
		if (!leaving) {
			leaving = true;
			session.stop();
			location.assign(to);
		}
	};
	if (pageMode === 'cookies') {
		session.adopt(Number(expiresIn));
	} else if (session.ended) {
		leave(`/login?mode=${pageMode}`);
		return;
	}
	for (const section of document.querySelectorAll('.script')) {
		section.hidden = false;
	}

	// guarded runs the action of a button and shows its errors.
	const guarded = async (what, button) => {
		if (button && isBusy(button)) {
			return;
		}
		if (button) {
			setBusy(button, true);
		}
		try {
			await what();
		} catch (error) {
			if (error instanceof SessionEnded) {
				leave('/login?ended');
			} else if (error instanceof Unavailable) {
				await notDone(button ? 'That was not done' : 'This page could not be brought up to date');
			} else {
				say(`That did not work: ${error.message}`, true);
			}
		} finally {
			if (button) {
				setBusy(button, false);
			}
		}
	};

	const notDone = watchConnection(() => guarded(load));
	const post = (path, fields) => session.fetch(path, { method: 'POST', headers: { 'X-Script': '1' }, body: new URLSearchParams(fields) });
	const must = (answer) => {
		if (!answer.ok) {
			throw answer.status < 502 ? new Error(`the server responded with ${answer.status}`) : new Unavailable(`the server responded with ${answer.status}`);
		}
		return answer;
	};

	// signOut runs a first step and then ends this session.
	const signOut = async (to, before) => {
		whenEnded = to;
		try {
			await before?.();
			await session.logout();
		} catch (error) {
			whenEnded = '/login?ended';
			throw error;
		}
		leave(to);
	};

	const load = async () => {
		const me = await must(await session.fetch('/api/me')).json();
		find('name').textContent = me.username;
		const list = find('devices');
		const focused = list.contains(document.activeElement) && document.activeElement.dataset.id;
		list.replaceChildren(...me.devices.map(deviceItem));
		if (focused !== false) { // the focus was in the list: keep it there or move it to the title
			const button = [...list.querySelectorAll('button')].find(({ dataset }) => dataset.id === focused);
			(button ?? find('devices-title')).focus();
		}
		return me;
	};

	function deviceItem({ id, name, since, current }) {
		const item = document.createElement('li');
		const text = document.createElement('div');
		const title = document.createElement('strong');
		title.textContent = name;
		text.append(title);
		if (current) {
			const tag = document.createElement('span');
			tag.className = 'tag';
			tag.textContent = 'this one';
			text.append(' ', tag);
		}
		const line = document.createElement('span');
		line.className = 'hint';
		const time = document.createElement('time');
		time.dateTime = since;
		time.textContent = new Date(since).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });
		line.append('since ', time);
		text.append(document.createElement('br'), line);

		const button = document.createElement('button');
		button.type = 'button';
		button.className = 'quiet';
		button.dataset.id = id;
		const which = document.createElement('span');
		which.className = 'visually-hidden';
		which.textContent = current ? ` ${name}, this one` : ` ${name}`;
		button.append('Sign out', which);
		button.addEventListener('click', () => guarded(async () => {
			if (current) {
				await signOut('/login?signed-out');
				return;
			}
			must(await post('/devices/end', { id }));
			await load();
			say(`${name} is signed out.`);
		}, button));
		item.append(text, button);
		return item;
	}

	find('logout').addEventListener('submit', (event) => {
		event.preventDefault();
		guarded(() => signOut('/login?signed-out'), event.submitter);
	});
	find('everywhere').addEventListener('submit', (event) => {
		event.preventDefault();
		guarded(() => signOut('/login?signed-out', async () => must(await post('/devices/end-all', {}))), event.submitter);
	});
	find('ask').addEventListener('click', (event) => guarded(async () => {
		const me = await load();
		find('answer').textContent = `Response at ${new Date().toLocaleTimeString()}: you are ${me.username}.`;
	}, event.currentTarget));
	const next = { cookies: 'storage', storage: 'bound', bound: 'cookies' }[pageMode];
	find('switch').textContent = `Sign out and try ${{ storage: 'localStorage', bound: 'bound tokens', cookies: 'cookies' }[next]}`;
	find('switch').addEventListener('click', (event) => guarded(() => signOut(`/login?mode=${next}`), event.currentTarget));

	let renewals = 0;
	session.addEventListener('change', () => {
		renewals += 1;
		find('renewals').textContent = String(renewals);
		showReadable();
	});
	session.addEventListener('ended', () => leave(whenEnded));
	find('silent').addEventListener('change', (event) => (event.target.checked ? session.start() : session.stop()));
	session.start();
	showReadable();

	setInterval(() => {
		const left = session.expiresAt - Date.now();
		find('remaining').textContent = left > 0 ? duration(left) : 'expired';
		find('remaining').nextElementSibling.hidden = left <= 0;
		find('life').value = session.life ? Math.min(Math.max(left / session.life, 0), 1) : 0;
	}, 100);
	guarded(load);
}

function duration(milliseconds) {
	const seconds = Math.ceil(milliseconds / 1000);
	return seconds < 100 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

/** Shows what any script on the page could read, and what it gets from using that elsewhere. */
async function showReadable() {
	const rows = [
		['document.cookie', document.cookie],
		['Cookie Store API', globalThis.cookieStore ? (await cookieStore.getAll()).map((cookie) => cookie.name).join(', ') : ''],
		['sessionStorage', Object.values(sessionStorage).join(', ')],
	];
	const { accessToken = '', refreshToken = '' } = JSON.parse(localStorage.getItem(`webapp-${pageMode}`) ?? '{}');
	rows.push(['localStorage, access token', accessToken], ['localStorage, refresh token', refreshToken]);
	find('readable').replaceChildren(...rows.map(([place, found]) => {
		const row = document.createElement('tr');
		const head = document.createElement('th');
		head.scope = 'row';
		head.textContent = place;
		const cell = document.createElement('td');
		if (found) {
			const code = document.createElement('code');
			code.textContent = found.length > 40 ? `${found.slice(0, 30)}…` : found;
			cell.append(code, ` (${found.length} characters)`);
		} else {
			cell.textContent = 'nothing';
		}
		row.append(head, cell);
		return row;
	}));
	const verdict = find('verdict');
	verdict.className = pageMode === 'storage' ? 'exposed' : '';
	verdict.textContent = verdicts[pageMode];
	find('elsewhere').textContent = accessToken ? await usedElsewhere(accessToken) : 'There is no token to use elsewhere.';
}

const verdicts = {
	cookies: 'No token: both are in cookies that are kept from scripts. An injected script could act while this page is open, but it could take nothing away.',
	storage: 'Everything: an injected script could send these tokens away and use them from anywhere, long after this page is closed.',
	bound: 'Tokens that are useless elsewhere: they need proofs by a key that this browser does not export. An injected script could act while this page is open.',
};

/** Uses a token as a thief would: with the token alone, without cookies and without the key. */
async function usedElsewhere(token) {
	try {
		const { status } = await fetch('/api/me', { credentials: 'omit', headers: { Authorization: `Bearer ${token}` } });
		return `A request with the access token alone is ${status === 200 ? 'accepted' : 'refused'} (${status}).`;
	} catch {
		return '';
	}
}

if (page === 'login') {
	loginPage();
} else if (page === 'dashboard') {
	dashboardPage();
} else {
	watchConnection(() => location.assign('/'));
}
