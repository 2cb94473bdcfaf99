/** The job of the Mattermost server's own metrics: what other targets take, it finds room for these. */
export const SERVER_JOB = 'prometheus';
