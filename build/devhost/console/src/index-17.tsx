import ReactDOM from 'react-dom';

import { startConsole } from './start.tsx';

void startConsole((element, root) => ReactDOM.render(element, root));
