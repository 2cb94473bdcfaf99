// Posts, files and bots; mirrors server/public/model/{post,file_info,bot,upload_session}.go.
import { bool, int, pointer, slice, string, struct, type ValueOf } from '../../gob/index.ts';
import { anyMapSchema } from './values.ts';

export const postSchema = struct('Post', {
  Id: string,
  CreateAt: int,
  UpdateAt: int,
  EditAt: int,
  DeleteAt: int,
  IsPinned: bool,
  UserId: string,
  ChannelId: string,
  RootId: string,
  OriginalId: string,
  Message: string,
  MessageSource: string,
  Type: string,
  Props: anyMapSchema,
  Hashtags: string,
  FileIds: slice(string),
  PendingPostId: string,
  HasReactions: bool,
  RemoteId: pointer(string),
  ReplyCount: int,
  LastReplyAt: int,
});
export type Post = ValueOf<typeof postSchema>;

export const fileInfoSchema = struct('FileInfo', {
  Id: string,
  CreatorId: string,
  PostId: string,
  ChannelId: string,
  CreateAt: int,
  UpdateAt: int,
  DeleteAt: int,
  Path: string,
  Name: string,
  Extension: string,
  Size: int,
  MimeType: string,
});
export type FileInfo = ValueOf<typeof fileInfoSchema>;

export const botSchema = struct('Bot', {
  UserId: string,
  Username: string,
  DisplayName: string,
  Description: string,
  OwnerId: string,
  LastIconUpdate: int,
  CreateAt: int,
  UpdateAt: int,
  DeleteAt: int,
});
export type Bot = ValueOf<typeof botSchema>;

export const uploadSessionSchema = struct('UploadSession', {
  Id: string,
  Type: string,
  CreateAt: int,
  UserId: string,
  ChannelId: string,
  Filename: string,
  Path: string,
  FileSize: int,
  FileOffset: int,
  RemoteId: string,
  ReqFileId: string,
});
/** A file upload in parts; `Type` is `attachment` or `import`. */
export type UploadSession = ValueOf<typeof uploadSessionSchema>;
