/** Settings files in the dialect of Apache's broker: tabs, unquoted integer keys, members that this project does not know. */
import { describe, expect, it } from 'vitest';
import { RequestCode } from '../../src/remoting/codes.ts';
import { bodyOf, ControlHarness, MemoryFiles, textOf } from './coordinator-harness.ts';

const TOPICS = `{
	"dataVersion":{
		"counter":16,
		"stateVersion":0,
		"timestamp":1795404744480
	},
	"topicConfigTable":{
		"BatchQ":{
			"attributes":{
				"queue.type":"BatchCQ"
			},
			"order":true,
			"perm":4,
			"readQueueNums":2,
			"topicFilterType":"MULTI_TAG",
			"topicName":"BatchQ",
			"topicSysFlag":1,
			"writeQueueNums":3,
			"someday":{"new":[1,2]}
		},
		"__proto__":{
			"perm":6,
			"topicName":"__proto__"
		}
	}
}`;

const GROUPS = `{
	"dataVersion":{
		"counter":5,
		"stateVersion":0,
		"timestamp":1795404746164
	},
	"forbiddenTable":{
		"CG_off":{
			"T":4
		}
	},
	"subscriptionGroupTable":{
		"CG_off":{
			"attributes":{},
			"consumeEnable":false,
			"groupName":"CG_off",
			"groupRetryPolicy":{
				"exponentialRetryPolicy":{"initial":5000,"max":7200000,"multiplier":2},
				"type":"EXPONENTIAL"
			},
			"retryMaxTimes":3
		}
	}
}`;

function harness(files: MemoryFiles): ControlHarness {
  const control = new ControlHarness({}, { files });
  control.open(1);
  return control;
}

function filesWith(name: string, text: string): MemoryFiles {
  const files = new MemoryFiles();
  files.texts.set(name, text);
  return files;
}

describe('topics.json', () => {
  it('is read, and what it leaves out has upstreams defaults', () => {
    const control = harness(filesWith('topics.json', TOPICS));
    expect(bodyOf(control.request(1, RequestCode.GET_TOPIC_CONFIG, { topic: 'BatchQ' }))).toEqual({
      attributes: { 'queue.type': 'BatchCQ' },
      order: true,
      perm: 4,
      readQueueNums: 2,
      topicFilterType: 'MULTI_TAG',
      topicName: 'BatchQ',
      topicSysFlag: 1,
      writeQueueNums: 3,
    });
    const odd = bodyOf(control.request(1, RequestCode.GET_TOPIC_CONFIG, { topic: '__proto__' }));
    expect(odd).toMatchObject({ readQueueNums: 16, writeQueueNums: 16, perm: 6, topicFilterType: 'SINGLE_TAG' });
  });

  it('keeps its version, which moves on by the system topics that were missing', () => {
    const { counter } = harness(filesWith('topics.json', TOPICS)).coordinator.topicSnapshot().dataVersion;
    expect(counter).toBe(16 + 13);
  });

  it('comes back the same after a round trip', () => {
    const files = filesWith('topics.json', TOPICS);
    const first = harness(files).coordinator.topicSnapshot();
    expect(harness(files).coordinator.topicSnapshot()).toEqual(first);
    expect(files.saved).toEqual(['topics.json', 'subscriptionGroup.json']);
  });
});

describe('subscriptionGroup.json', () => {
  it('is read, its retry policy and its bans are kept as they are', () => {
    const control = harness(filesWith('subscriptionGroup.json', GROUPS));
    const group = bodyOf(control.request(1, RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG, { group: 'CG_off' }));
    expect(group).toMatchObject({
      consumeEnable: false,
      consumeTimeoutMinute: 15,
      groupRetryPolicy: { type: 'EXPONENTIAL', exponentialRetryPolicy: { multiplier: 2 } },
      retryMaxTimes: 3,
    });
    const all = textOf(control.request(1, RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG));
    expect(all).toContain('"forbiddenTable":{"CG_off":{"T":4}}');
  });

  it('comes back the same after a round trip', () => {
    const files = filesWith('subscriptionGroup.json', GROUPS);
    const all = (): string => textOf(harness(files).request(1, RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG));
    const first = all();
    expect(all()).toBe(first);
  });
});
