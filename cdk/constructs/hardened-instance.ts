import { BlockDeviceVolume, EbsDeviceVolumeType, type LaunchTemplateProps } from 'aws-cdk-lib/aws-ec2';

/** Room for the system, the image (about 6 GB unpacked) and a model of up to 6 GB (GiB). */
const diskGiB = 60;

/** Properties of every instance: an encrypted disk, and instance metadata that containers cannot reach. */
export function hardenedInstance(): LaunchTemplateProps {
  return {
    requireImdsv2: true,
    // A container is one hop further away, so it cannot use the instance's role.
    httpPutResponseHopLimit: 1,
    blockDevices: [
      {
        deviceName: '/dev/xvda',
        volume: BlockDeviceVolume.ebs(diskGiB, { encrypted: true, volumeType: EbsDeviceVolumeType.GP3 }),
      },
    ],
  };
}
