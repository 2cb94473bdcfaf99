// Hooks: methods that the host calls on the plugin; mirrors plugin/client_rpc*.go.
import { pointer, slice, string, struct, uint } from '../gob/index.ts';
import { emptySchema } from '../netrpc/index.ts';
import { serveHttpArgsSchema } from './http-table.ts';
import { appErrorAt, errorAt, method } from './method.ts';
import { commandArgsSchema, commandResponseSchema } from './model/command.ts';
import { configSchema } from './model/config.ts';
import { appErrorPointer, errorSchema } from './model/error.ts';
import { clusterEventSchema, contextSchema, fileDataSchema } from './model/server.ts';

const errorReturn = struct('Z_ErrorReturns', { A: errorSchema });

export const hooks = {
  /** Names of the hooks that the plugin has; called before all others. */
  Implemented: method('Implemented', emptySchema, slice(string)),
  /** The numbers under which the host accepts the streams of its API and of its database driver. */
  OnActivate: method(
    'OnActivate',
    struct('Z_OnActivateArgs', { APIMuxId: uint, DriverMuxId: uint }),
    errorReturn,
    errorAt('A'),
  ),
  OnDeactivate: method('OnDeactivate', emptySchema, errorReturn, errorAt('A')),
  OnConfigurationChange: method('OnConfigurationChange', emptySchema, errorReturn, errorAt('A')),
  /** A config in the returns would replace the one to be saved; plugins here send none. */
  ConfigurationWillBeSaved: method(
    'ConfigurationWillBeSaved',
    struct('Z_ConfigurationWillBeSavedArgs', { A: pointer(configSchema) }),
    struct('Z_ConfigurationWillBeSavedReturns', { A: pointer(configSchema), B: errorSchema }),
    errorAt('B'),
  ),
  ServeHTTP: method('ServeHTTP', serveHttpArgsSchema, emptySchema),
  ServeMetrics: method('ServeMetrics', serveHttpArgsSchema, emptySchema),
  ExecuteCommand: method(
    'ExecuteCommand',
    struct('Z_ExecuteCommandArgs', {
      A: pointer(contextSchema),
      B: pointer(commandArgsSchema),
    }),
    struct('Z_ExecuteCommandReturns', { A: pointer(commandResponseSchema), B: appErrorPointer }),
    appErrorAt('B'),
  ),
  OnPluginClusterEvent: method(
    'OnPluginClusterEvent',
    struct('Z_OnPluginClusterEventArgs', { A: pointer(contextSchema), B: clusterEventSchema }),
    emptySchema,
  ),
  GenerateSupportData: method(
    'GenerateSupportData',
    struct('Z_GenerateSupportDataArgs', { A: pointer(contextSchema) }),
    struct('Z_GenerateSupportDataReturns', { A: slice(pointer(fileDataSchema)), B: errorSchema }),
    errorAt('B'),
  ),
} as const;
