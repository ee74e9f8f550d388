// All test cases of session.js. The server is a function.

import { logins } from './session_logins.js';
import { requests } from './session_requests.js';
import { updates } from './session_updates.js';

export const cases = { ...requests, ...logins, ...updates };
