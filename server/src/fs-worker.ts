// A thread for file calls that may hang: serves them one at a time. No logic here.

import { serveFsCalls } from './platform/fs-thread.ts';

serveFsCalls();
