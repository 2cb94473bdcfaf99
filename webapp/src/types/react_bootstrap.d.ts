// The web app's `ReactBootstrap` global is its own fork of react-bootstrap 0.x, for which there are no
// fitting types. Only what has been the same in all versions of it is declared.

declare module 'react-bootstrap' {
  import type { ComponentType, ReactNode } from 'react';

  interface ModalProps {
    show: boolean;
    onHide: () => void;
    onExited?: () => void;
    dialogClassName?: string;
    'aria-labelledby'?: string;
    children?: ReactNode;
  }
  interface ModalPartProps {
    children?: ReactNode;
  }
  export const Modal: ComponentType<ModalProps> & {
    Header: ComponentType<ModalPartProps & { closeButton?: boolean }>;
    Title: ComponentType<ModalPartProps & { id?: string }>;
    Body: ComponentType<ModalPartProps>;
    Footer: ComponentType<ModalPartProps>;
  };
}

declare module '*.css' {
  const text: string;
  export default text;
}
