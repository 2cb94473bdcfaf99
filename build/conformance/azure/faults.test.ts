import { AzureBucket } from '../../../server/src/platform/azureblob/azure-bucket.ts';
import { testFaults } from '../s3/fault-suite.ts';
import { containerSettings, startAzurite } from './azurite.ts';

testFaults({
  driver: 'azureblob',
  skip: false,
  startServer: () => startAzurite(),
  open: (endpoint, requestTimeoutMs) =>
    new AzureBucket(containerSettings(endpoint, { requestTimeoutMs })),
});
