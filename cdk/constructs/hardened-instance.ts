import { BlockDeviceVolume, EbsDeviceVolumeType, type LaunchTemplateProps } from 'aws-cdk-lib/aws-ec2';
import { instanceDiskGib } from '../../lib/contracts/instances.ts';

/** Properties of every instance: an encrypted disk, and instance metadata that containers cannot reach. */
export function hardenedInstance(): LaunchTemplateProps {
  return {
    requireImdsv2: true,
    // A container is one hop further away, so it cannot use the instance's role.
    httpPutResponseHopLimit: 1,
    blockDevices: [
      {
        deviceName: '/dev/xvda',
        volume: BlockDeviceVolume.ebs(instanceDiskGib, { encrypted: true, volumeType: EbsDeviceVolumeType.GP3 }),
      },
    ],
  };
}
