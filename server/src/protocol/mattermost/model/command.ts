// Slash commands; mirrors server/public/model/command*.go.
import {
  bool,
  fill,
  iface,
  int,
  lazy,
  map,
  pointer,
  slice,
  string,
  struct,
  type InterfaceValue,
  type Schema,
  type ValueOf,
} from '../../gob/index.ts';
import { anyMapSchema } from './values.ts';

export const commandArgsSchema = struct('CommandArgs', {
  UserId: string,
  ChannelId: string,
  TeamId: string,
  RootId: string,
  ParentId: string,
  TriggerId: string,
  ConnectionId: string,
  Command: string,
  SiteURL: string,
  UserMentions: map(string, string),
  ChannelMentions: map(string, string),
});
/** Who used a command, where, and the whole text (`Command`). */
export type CommandArgs = ValueOf<typeof commandArgsSchema>;

/** The answer to a command. `ResponseType` is `in_channel` or `ephemeral`. */
export interface CommandResponse {
  ResponseType: string;
  Text: string;
  Username: string;
  ChannelId: string;
  IconURL: string;
  Type: string;
  Props: Map<string, InterfaceValue | null>;
  GotoLocation: string;
  TriggerId: string;
  SkipSlackParsing: boolean;
  ExtraResponses: Array<CommandResponse | null>;
}

export const commandResponseSchema: Schema<CommandResponse> = struct('CommandResponse', {
  ResponseType: string,
  Text: string,
  Username: string,
  ChannelId: string,
  IconURL: string,
  Type: string,
  Props: anyMapSchema,
  GotoLocation: string,
  TriggerId: string,
  SkipSlackParsing: bool,
  ExtraResponses: slice(pointer(lazy(() => commandResponseSchema))),
});

/** An answer that only the user of the command sees. */
export function ephemeralResponse(Text: string): CommandResponse {
  return fill(commandResponseSchema, { ResponseType: 'ephemeral', Text });
}

const listItemSchema = struct('AutocompleteListItem', {
  Item: string,
  Hint: string,
  HelpText: string,
});
const textArgSchema = struct('AutocompleteTextArg', { Hint: string, Pattern: string });
const staticListSchema = struct('AutocompleteStaticListArg', {
  PossibleArguments: slice(listItemSchema),
});
const dynamicListSchema = struct('AutocompleteDynamicListArg', { FetchURL: string });

const TEXT_ARG = '*model.AutocompleteTextArg';
const STATIC_LIST = '*model.AutocompleteStaticListArg';
const DYNAMIC_LIST = '*model.AutocompleteDynamicListArg';

export const autocompleteArgSchema = struct('AutocompleteArg', {
  Name: string,
  HelpText: string,
  Type: string,
  Required: bool,
  Data: iface(
    new Map<string, Schema<unknown>>([
      [TEXT_ARG, textArgSchema],
      [STATIC_LIST, staticListSchema],
      [DYNAMIC_LIST, dynamicListSchema],
    ]),
  ),
});
/** An argument; without a `Name` it is told by its position. */
export type AutocompleteArg = ValueOf<typeof autocompleteArgSchema>;

/** What the message box shows while a command is typed. */
export interface AutocompleteData {
  Trigger: string;
  Hint: string;
  HelpText: string;
  /** Role that sees it, for example `system_admin`; empty for everyone. */
  RoleID: string;
  Arguments: Array<AutocompleteArg | null>;
  SubCommands: Array<AutocompleteData | null>;
}

export const autocompleteDataSchema: Schema<AutocompleteData> = struct('AutocompleteData', {
  Trigger: string,
  Hint: string,
  HelpText: string,
  RoleID: string,
  Arguments: slice(pointer(autocompleteArgSchema)),
  SubCommands: slice(pointer(lazy(() => autocompleteDataSchema))),
});

/** The parts of an autocomplete entry; those not given are empty. */
export function autocomplete(fields: Partial<AutocompleteData>): AutocompleteData {
  return fill(autocompleteDataSchema, fields);
}

interface ArgText {
  /** Without one, the argument is told by its position, and Mattermost wants it to be required. */
  readonly name?: string;
  readonly helpText: string;
  /** Whether a named argument must be there. */
  readonly required?: boolean;
}

/** An argument of free text that fits the regular expression `pattern` (any text if empty). */
export function textArgument(arg: ArgText, hint: string, pattern = ''): AutocompleteArg {
  return argument(arg, 'TextInput', { type: TEXT_ARG, value: { Hint: hint, Pattern: pattern } });
}

/** An argument out of a fixed list. */
export function listArgument(
  arg: ArgText,
  items: ReadonlyArray<{ item: string; hint?: string; helpText?: string }>,
): AutocompleteArg {
  const PossibleArguments = items.map(({ item, hint = '', helpText = '' }) => {
    return { Item: item, Hint: hint, HelpText: helpText };
  });
  return argument(arg, 'StaticList', { type: STATIC_LIST, value: { PossibleArguments } });
}

/** An argument out of a list that the host fetches from a route of the plugin. */
export function fetchedListArgument(arg: ArgText, fetchUrl: string): AutocompleteArg {
  const value = { FetchURL: fetchUrl };
  return argument(arg, 'DynamicList', { type: DYNAMIC_LIST, value });
}

function argument(arg: ArgText, type: string, data: InterfaceValue): AutocompleteArg {
  const { name = '', helpText, required = false } = arg;
  const Required = required || name === '';
  return { Name: name, HelpText: helpText, Type: type, Required, Data: data };
}

export const commandSchema = struct('Command', {
  Id: string,
  Token: string,
  CreateAt: int,
  UpdateAt: int,
  DeleteAt: int,
  CreatorId: string,
  TeamId: string,
  Trigger: string,
  Method: string,
  Username: string,
  IconURL: string,
  AutoComplete: bool,
  AutoCompleteDesc: string,
  AutoCompleteHint: string,
  DisplayName: string,
  Description: string,
  URL: string,
  PluginId: string,
  AutocompleteData: pointer(autocompleteDataSchema),
  AutocompleteIconData: string,
});
/** A command to register; `TeamId` empty means all teams. */
export type Command = ValueOf<typeof commandSchema>;
