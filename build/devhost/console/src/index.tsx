import { createRoot } from 'react-dom/client';

import { startConsole } from './start.tsx';

void startConsole((element, root) => createRoot(root).render(element));
