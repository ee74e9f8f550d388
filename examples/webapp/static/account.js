// The part of a signed-in page that the examples share: it renews the access
// token, shows how long it lasts, calls the API and signs out. The page works
// without it, by links and forms.

import { Session, SessionEnded, Unavailable } from './session.js';

const find = (id) => document.getElementById(id);

/** Shows a message to the user, in place of the previous one. */
export function say(text, isProblem = false) {
	const message = document.createElement('p');
	message.className = isProblem ? 'message problem' : 'message';
	message.textContent = text;
	find('messages').replaceChildren(message);
}

/**
 * Takes over the session of a page that the server has rendered, or a session
 * with other options of Session. Returns the session and a function that runs
 * the work of a button and reports its errors.
 */
export function account(name, options = {}) {
	const session = new Session({ name, ...options });
	let leaving = false;
	const leave = (to) => {
		if (!leaving) {
			leaving = true;
			session.stop();
			location.assign(to);
		}
	};
	const guarded = async (work, button) => {
		if (button.ariaDisabled === 'true') {
			return;
		}
		find('messages').replaceChildren();
		button.ariaDisabled = 'true'; // unlike a disabled button, it keeps the focus
		try {
			await work();
		} catch (error) {
			if (error instanceof SessionEnded) {
				leave('/login?ended');
			} else if (error instanceof Unavailable) {
				say('The server cannot be reached at the moment. Please try again.', true);
			} else {
				say(`That did not work: ${error.message}`, true);
			}
		} finally {
			button.ariaDisabled = 'false';
		}
	};

	let whenEnded = '/login?ended';
	find('logout').addEventListener('submit', (event) => {
		event.preventDefault();
		guarded(async () => {
			whenEnded = '/login?signed-out';
			try {
				await session.logout();
			} catch (error) {
				whenEnded = '/login?ended';
				throw error;
			}
			leave(whenEnded);
		}, event.submitter);
	});
	find('ask').addEventListener('click', ({ currentTarget }) => guarded(async () => {
		const response = await session.fetch('/api/me');
		if (!response.ok) {
			throw new Error(`the server responded with ${response.status}`);
		}
		const me = await response.json();
		find('answer').textContent = `Response at ${new Date().toLocaleTimeString()}: you are ${me.name}.`;
	}, currentTarget));

	let renewals = 0;
	session.addEventListener('change', () => {
		renewals += 1;
		find('renewals').textContent = String(renewals);
	});
	session.addEventListener('ended', () => leave(whenEnded));
	if (document.body.dataset.expiresIn) {
		session.adopt(Number(document.body.dataset.expiresIn));
	} else if (session.ended) { // there are no tokens in storage
		leave('/login');
		return { session, guarded };
	}
	session.start();
	find('renewals').textContent = String(renewals = 0);

	for (const section of document.querySelectorAll('.script')) {
		section.hidden = false;
	}
	setInterval(() => {
		const left = session.expiresAt - Date.now();
		find('remaining').textContent = left > 0 ? duration(left) : 'expired';
		find('remaining').nextElementSibling.hidden = left <= 0;
		find('life').value = session.life ? Math.min(Math.max(left / session.life, 0), 1) : 0;
	}, 100);
	return { session, guarded };
}

function duration(milliseconds) {
	const seconds = Math.ceil(milliseconds / 1000);
	return seconds < 100 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}
