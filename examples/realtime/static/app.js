import { account, say } from './account.js';
import { eventSource, fetchEvents, keepConnected, webSocket } from './connections.js';
import { LoginRefused, Session, Unavailable } from './session.js';

const find = (id) => document.getElementById(id);
const { page, mode } = document.body.dataset;

// The modes: where the tokens are, the page, and the endpoints.
const modes = {
	cookies: { page: '/', options: {} },
	tokens: { page: '/tokens', options: { tokens: 'storage', base: '/token' } },
};

function loginPage() {
	const form = find('login');
	find('mode').hidden = false;
	form.addEventListener('submit', async (event) => {
		event.preventDefault();
		const button = form.querySelector('button');
		if (button.ariaDisabled === 'true') {
			return;
		}
		button.ariaDisabled = 'true';
		const chosen = form.elements.mode.value;
		try {
			const session = new Session({ name: `realtime-${chosen}`, ...modes[chosen].options });
			await session.login(form.elements.username.value, form.elements.password.value);
			location.assign(modes[chosen].page);
		} catch (error) {
			if (error instanceof LoginRefused && error.code === 'login_failed') {
				say('That user name and password do not match. Please try again.', true);
				form.elements.password.select();
			} else if (error instanceof LoginRefused && error.code === 'too_many_attempts') {
				say('Too many wrong passwords were entered for this user name. Please try again later.', true);
			} else if (error instanceof Unavailable) {
				say('The server is busy or cannot be reached. Please try again in a moment.', true);
			} else {
				say(`Signing in did not work: ${error.message}`, true);
			}
		}
		button.ariaDisabled = 'false';
	});
}

function roomPage() {
	const { session } = account(`realtime-${mode}`, modes[mode].options);
	if (session.ended) {
		return;
	}
	session.fetch('/api/me').then(async (response) => {
		if (response.ok) {
			find('name').textContent = (await response.json()).name;
		}
	}).catch(() => {}); // the connections below show the same failure

	let socket = null;
	const inCookies = mode === 'cookies';
	find('socket-how').textContent = inCookies ? 'The token is in a cookie.' : 'The token is a subprotocol: "bearer" and the token.';
	find('events-how').textContent = inCookies ? 'An EventSource; the token is in a cookie.' : 'A stream of fetch; the token is in a header.';
	keepConnected(session, webSocket('/socket', () => (inCookies ? ['room'] : ['room', 'bearer', session.accessToken])), view('socket', 'WebSocket', (opened) => {
		socket = opened;
	}));
	keepConnected(session, inCookies ? eventSource('/events') : fetchEvents('/events', (...args) => session.fetch(...args)), view('events', 'Server-Sent Events'));

	find('say').addEventListener('submit', (event) => {
		event.preventDefault();
		if (socket?.readyState !== WebSocket.OPEN) {
			say('The WebSocket is not open at the moment. Please try again.', true);
			return;
		}
		find('messages').replaceChildren();
		socket.send(JSON.stringify({ text: find('text').value }));
		event.target.reset();
	});
}

/** The card of a connection: counters, the state, and the reason for the last end. */
function view(id, title, onOpen) {
	let opened = 0;
	let received = 0;
	return {
		opened(connection) {
			find(`${id}-opened`).textContent = String(opened += 1);
			find(`${id}-state`).textContent = 'open';
			onOpen?.(connection);
		},
		message(message) {
			find(`${id}-received`).textContent = String(received += 1);
			show(message, title);
		},
		closed(text) {
			find(`${id}-state`).textContent = 'closed';
			find(`${id}-end`).textContent = `${text}, at ${new Date().toLocaleTimeString()}`;
		},
	};
}

/** Adds a row for a message, or notes that it has arrived by another connection as well. */
function show({ id, from, text }, title) {
	const known = find(`message-${id}`);
	if (known) {
		known.lastElementChild.textContent += ` and ${title}`;
		return;
	}
	const row = document.createElement('tr');
	row.id = `message-${id}`;
	row.append(...[text, from, title].map((content, i) => {
		const cell = document.createElement(i ? 'td' : 'th');
		if (!i) {
			cell.scope = 'row';
		}
		cell.textContent = content;
		return cell;
	}));
	find('list').prepend(row);
}

if (page === 'login') {
	loginPage();
} else {
	roomPage();
}
