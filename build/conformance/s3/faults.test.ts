import { openS3Bucket } from '../../../server/src/platform/s3/s3-bucket.ts';
import { goSkip } from '../gob/skip.ts';
import { testFaults } from './fault-suite.ts';
import { REGION, bucketSettings, startS3Server } from './s3-server.ts';

testFaults({
  driver: 'amazons3',
  skip: goSkip,
  startServer: () => startS3Server(),
  open: (endpoint, requestTimeoutMs) =>
    openS3Bucket(bucketSettings(endpoint, { region: REGION, requestTimeoutMs })),
});
