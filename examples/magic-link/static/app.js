import { account } from './account.js';

if (document.body.dataset.page === 'account') {
	account('magic-link');
}
